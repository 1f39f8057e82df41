import type { Spans } from './layout.ts'
import { MessageIds } from './message-ids.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'
import type { StringTable } from './strings.ts'

/** The Function messages: string indices by the index of a function. */
export class FunctionTable {
  readonly count: number
  /** Of the name, or of the system name where there is no name; 0 where there is neither. */
  readonly names: Uint32Array
  readonly files: Uint32Array
  readonly ids: MessageIds

  constructor(reader: Reader, spans: Spans, strings: StringTable, scratch: Scratch) {
    this.count = spans.count
    this.names = scratch.words('function names', spans.count)
    this.files = scratch.zeros('function files', spans.count)
    this.ids = new MessageIds(spans.count, scratch, 'function')
    for (let i = 0; i < spans.count; i++) {
      reader.enter('function', i, spans.starts[i] as number, spans.ends[i] as number)
      this.#read(reader, strings, i)
    }
  }

  #read(reader: Reader, strings: StringTable, index: number): void {
    let idLow = 0
    let idHigh = 0
    let name = 0
    let systemName = 0
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          reader.readNumber('id')
          idLow = reader.lo
          idHigh = reader.hi
          break
        case 2:
          name = reader.readStringIndex('name', strings.count)
          break
        case 3:
          systemName = reader.readStringIndex('system_name', strings.count)
          break
        case 4:
          this.files[index] = reader.readStringIndex('filename', strings.count)
          break
        case 5:
          reader.readNumber('start_line')
          break
        default:
          reader.skip()
      }
    }
    this.ids.add(reader, idLow, idHigh, index)
    const named = strings.isEmpty(name) ? systemName : name
    this.names[index] = strings.isEmpty(named) ? 0 : named
  }
}

import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { TableCalls } from './libbpf.ts'
import { closeFd, lastErrno, mapMemory } from './libc.ts'
import {
  LINE_VALUES,
  MOST_PROCESSES,
  MOST_TABLES,
  PROCESS,
  PROCESS_KEY,
  type ProgramRun,
  TABLE_MAP_FLAGS,
  type UnwindFds,
  type UnwindTables,
} from './unwind-layout.ts'

const LINE_BYTES = LINE_VALUES * 8

/** The tables and process entries of a loaded program. */
export class UnwindMaps implements UnwindTables {
  readonly #calls: TableCalls
  readonly #tables: number
  readonly #processes: number

  constructor(calls: TableCalls, fds: UnwindFds) {
    this.#calls = calls
    this.#tables = fds.tables
    this.#processes = fds.processes
  }

  clearProcesses(): void {
    const key = Buffer.alloc(PROCESS_KEY.bytes)
    // Entries only go meanwhile: each turn deletes the first.
    for (let i = 0; i < MOST_PROCESSES; i++) {
      if (this.#calls.nextKey(this.#processes, null, key) < 0) return
      this.#calls.delete(this.#processes, key)
    }
  }

  async setTable(id: number, values: number, fill: (words: Uint32Array) => void): Promise<void> {
    if (!(id > 0 && id < MOST_TABLES))
      throw new FlamewatchError('internal', `unwind table ${id}: ids are 1 to ${MOST_TABLES - 1}`)
    const lines = Math.ceil(values / LINE_VALUES)
    const fd = checked(
      'create unwind table',
      this.#calls.createArray('unwind', LINE_BYTES, lines, TABLE_MAP_FLAGS),
    )
    try {
      const memory = mapMemory(fd, lines * LINE_BYTES, 0, 'write')
      if (!memory) throw kernelError('map unwind table', lastErrno())
      try {
        fill(new Uint32Array(memory.memory))
      } finally {
        memory.close()
      }
      const result = await this.#calls.updateWaiting(this.#tables, bytes(id), bytes(fd))
      checked('set unwind table', result)
    } finally {
      // The map of maps keeps the table.
      closeFd(fd)
    }
  }

  async deleteTable(id: number): Promise<void> {
    checkedDelete('delete unwind table', await this.#calls.deleteWaiting(this.#tables, bytes(id)))
  }

  setProcess(run: ProgramRun, entry: Uint8Array): void {
    if (entry.length !== PROCESS.bytes)
      throw new FlamewatchError('internal', `process entry of ${entry.length} bytes`)
    const result = this.#calls.update(this.#processes, keyOf(run), entry)
    checked('set mappings of process', result)
  }

  deleteProcess(run: ProgramRun): void {
    const result = this.#calls.delete(this.#processes, keyOf(run))
    checkedDelete('delete mappings of process', result)
  }
}

function keyOf({ tgid, startTimeNs, program }: ProgramRun): Uint8Array {
  const key = new DataView(new ArrayBuffer(PROCESS_KEY.bytes))
  key.setBigUint64(PROCESS_KEY.startTime, startTimeNs, true)
  key.setUint32(PROCESS_KEY.tgid, tgid, true)
  key.setUint32(PROCESS_KEY.program, program, true)
  return new Uint8Array(key.buffer)
}

function bytes(word: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(word).buffer)
}

const ENOENT = 2

function checkedDelete(what: string, result: number): void {
  if (result !== -ENOENT) checked(what, result)
}

function checked(what: string, result: number): number {
  if (result < 0) throw kernelError(what, -result)
  return result
}

function kernelError(what: string, errno: number): FlamewatchError {
  return new FlamewatchError('kernel_error', `${what}: errno ${errno}`)
}

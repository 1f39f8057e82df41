import { type Mapping, Mappings } from './mappings.ts'
import { type SideBandLog, type SideBandRecord, timeOf } from './side-band-log.ts'
import { readComm, readMapping, SIDE_BAND } from './side-band-record.ts'

/** A program a process executed, as far as the kernel told of it. */
export type PastProgram = {
  /** At exec: the name of the file. */
  readonly comm: string
  /** The executable, or the interpreter of a script; null when it was not told of. */
  readonly executable: Mapping | null
  readonly mappings: Mappings
}

/** One life of a pid, from fork to the next fork of the same number. */
export type PastProcess = {
  /** Who forked it; 0 when that is not known any more. */
  readonly parent: number
  /** When, in ns since boot (CLOCK_BOOTTIME). */
  readonly forkedNs: bigint
  /** Oldest first; none for one that still runs the program of its parent. */
  readonly programs: readonly PastProgram[]
}

// The kernel notes the start of a process before it has copied its memory, and tells of it after.
const LONGEST_FORK_NS = 2_000_000_000n

/**
 * What a process ran that started at `startTimeNs` (0: the last one of that pid), also when it has ended.
 * Null when nothing is known of it.
 */
export function recallProcess(
  log: SideBandLog,
  pid: number,
  startTimeNs: bigint,
): PastProcess | null {
  const lives = livesOf(log.recordsOf(pid))
  if (startTimeNs === 0n) return lives.at(-1) ?? null
  const life = lives.find(({ forkedNs }) => forkedNs >= startTimeNs)
  if (life && life.forkedNs - startTimeNs < LONGEST_FORK_NS) return life
  // Its fork is not there any more, but something it did later.
  const [first] = lives
  return first && first.parent === 0 && life !== first ? first : null
}

type Program = { comm: string; executable: Mapping | null; list: Mapping[] }

function livesOf(records: readonly SideBandRecord[]): PastProcess[] {
  const lives: PastProcess[] = []
  let life = { parent: 0, forkedNs: 0n, programs: [] as Program[] }
  for (const record of records) {
    switch (record.getUint32(SIDE_BAND.type, true)) {
      case SIDE_BAND.types.fork:
        end()
        life = {
          parent: record.getUint32(SIDE_BAND.fork.parent, true),
          forkedNs: timeOf(record),
          programs: [],
        }
        break
      case SIDE_BAND.types.comm:
        life.programs.push({ comm: readComm(record), executable: null, list: [] })
        break
      default:
        map(readMapping(record))
    }
  }
  end()
  return lives

  function end(): void {
    if (life.parent === 0 && life.programs.length === 0) return
    const programs = life.programs.map(({ comm, executable, list }) => ({
      comm,
      executable,
      mappings: new Mappings(
        life.parent === 0 ? list : list.map((mapping) => ({ ...mapping, seenBy: life.parent })),
      ),
    }))
    lives.push({ ...life, programs })
  }

  function map(mapping: Mapping | null): void {
    const program = life.programs.at(-1)
    // Before its exec it adds to what it has from its parent.
    if (mapping === null || program === undefined) return
    if (mapping.kind === 'file') program.executable ??= mapping
    program.list = mapOver(program.list, mapping)
  }
}

/** Mappings after another was made, sorted: what it covers is not mapped any more. */
function mapOver(list: readonly Mapping[], added: Mapping): Mapping[] {
  const { start, end } = added
  const kept = list.flatMap((old) => {
    if (old.end <= start || old.start >= end) return [old]
    const parts: Mapping[] = []
    if (old.start < start) parts.push({ ...old, end: start })
    if (old.end > end) parts.push({ ...old, start: end, offset: old.offset + end - old.start })
    return parts
  })
  return [...kept, added].sort((a, b) => a.start - b.start)
}

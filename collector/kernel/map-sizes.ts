// Sizes of the BPF maps, from how many samples come in. These are preallocated kernel memory:
//   stack map    (1,016 bytes of addresses + 24) an entry, four maps: 2,048 entries are 8.5 MB in all
//   count map    about 150 bytes an entry, two maps
// Where user stacks are walked by tables they are in maps that take memory for what is in them, 1.1 KB each.
// With as many buckets a way as samples between two readings, about 0.5 to 0.8 stacks come on a
// bucket, and 3 to 7 % of stacks find both ways taken and go through the overflow ring (1 KiB at most
// each, 1 MiB in all), where they are complete as well.

export type MapSizes = {
  readonly stackEntries: number
  readonly countEntries: number
  /** Stacks of sources beside the CPU clock, and twice as many counts; 0 without such sources. */
  readonly besideEntries: number
  readonly overflowBytes: number
  /** The maps must be read at least this often. */
  readonly readEveryMs: number
}

const LEAST_STACKS = 2048
const MOST_STACKS = 16384
const WINDOW_SECONDS = 10
// Waits and hooks come at any rate: their maps are read more often when they fill. 8 MB each of two.
const STACKS_BESIDE = 8192

/**
 * Small hosts read once per window of 10 s; big ones read more often rather than having larger maps:
 * 64 CPUs at 99 Hz every 2.6 s.
 */
export function mapSizes(cpus: number, frequencyHz: number, sourcesBeside = 0): MapSizes {
  const samplesPerSecond = Math.max(1, cpus * frequencyHz)
  const wanted = nextPowerOfTwo(samplesPerSecond * WINDOW_SECONDS)
  const stackEntries = Math.min(MOST_STACKS, Math.max(LEAST_STACKS, wanted))
  return {
    stackEntries,
    // One count a sample is the most there can be; twice that covers a late reading.
    countEntries: 2 * stackEntries,
    besideEntries: sourcesBeside > 0 ? STACKS_BESIDE : 0,
    overflowBytes: 1 << 20,
    readEveryMs: Math.floor((1000 * stackEntries) / samplesPerSecond),
  }
}

const LEAST_KERNEL_STACKS = 1024

/**
 * Of `stackEntries`, what stack maps need that hold kernel stacks only, since user stacks are walked by tables:
 * there are a third to a tenth as many of them, most samples of a busy host being in user mode.
 */
export function kernelStackEntries(stackEntries: number): number {
  return Math.max(stackEntries / 4, Math.min(stackEntries, LEAST_KERNEL_STACKS))
}

function nextPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n))
}

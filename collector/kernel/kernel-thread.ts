import { readFileSync } from 'node:fs'

const PF_KTHREAD = 0x00200000

/** By /proc, for kernels without BTF; false for a process that is gone. */
export function isKernelThread(tgid: number): boolean {
  try {
    return hasKernelThreadFlag(readFileSync(`/proc/${tgid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** The second field of a stat line is the name in brackets, which may hold brackets and blanks. */
export function hasKernelThreadFlag(stat: string): boolean {
  const [, , , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(flags) & PF_KTHREAD) !== 0
}

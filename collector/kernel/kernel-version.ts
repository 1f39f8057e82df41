import { readFileSync } from 'node:fs'
import { release, version } from 'node:os'

export type KernelVersion = readonly [major: number, minor: number, patch: number]

/**
 * The version of the sources the running kernel was built from. Distributions put it elsewhere than into
 * the release: Debian into the version ("#1 SMP … Debian 6.1.119-1"), Ubuntu into a file.
 */
export function readKernelVersion(): KernelVersion {
  let signature = ''
  try {
    signature = readFileSync('/proc/version_signature', 'latin1')
  } catch {
    // Only Ubuntu has it.
  }
  return kernelVersion(release(), version(), signature)
}

export function kernelVersion(release: string, version: string, signature: string): KernelVersion {
  const match =
    /^Ubuntu \S+ (\d+)\.(\d+)\.(\d+)/.exec(signature) ??
    /\bDebian (\d+)\.(\d+)\.(\d+)/.exec(version) ??
    /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release)
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0), Number(match?.[3] ?? 0)]
}

/**
 * Kernels on which a program that reads memory of processes (bpf_probe_read_user) can freeze the machine:
 * 5.19 to 6.1.35, 6.2 and 6.3.0 to 6.3.9.
 */
export function mayFreezeOnUserReads([major, minor, patch]: KernelVersion): boolean {
  if (major === 5) return minor === 19
  if (major !== 6) return false
  if (minor === 1) return patch <= 35
  if (minor === 3) return patch <= 9
  return minor === 0 || minor === 2
}

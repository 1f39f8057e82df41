import { randomUUID } from 'node:crypto'
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { FlamewatchError } from '../../infra/runtime/errors.ts'

// Two processes on one spool would give the same sequence numbers twice. The lock file names its
// owner by pid, start and boot, so that the lock of a killed process is recognized, also when another
// process has its pid now.

/** Throws `spool` when another process has it. Answers the function that gives it back. */
export async function lockSpool(directory: string): Promise<() => Promise<void>> {
  const lock = `${directory}/lock`
  const candidate = `${lock}.${randomUUID()}`
  await writeFile(candidate, (await identifyProcess(process.pid)) ?? '', { mode: 0o600 })
  try {
    if (!(await tryLink(candidate, lock))) await takeOver(directory, lock, candidate)
    return () => remove(lock)
  } finally {
    await remove(candidate)
  }
}

// Of several that find a stale lock, the one that has the second lock replaces it, by a rename, so
// that there is no moment without a lock.
async function takeOver(directory: string, lock: string, candidate: string): Promise<void> {
  await refuseIfHeld(directory, lock)
  const second = `${lock}.takeover`
  if (!(await tryLink(candidate, second))) {
    await refuseIfHeld(directory, second)
    await remove(second)
    if (!(await tryLink(candidate, second))) throw held(directory, 'a process that starts just now')
  }
  try {
    await refuseIfHeld(directory, lock)
    await rename(candidate, lock)
  } finally {
    await remove(second)
  }
}

async function refuseIfHeld(directory: string, lock: string): Promise<void> {
  const owner = await readFile(lock, 'utf8').catch(() => '')
  const pid = Number(owner.split(' ')[0])
  if (Number.isSafeInteger(pid) && pid > 0 && (await identifyProcess(pid)) === owner)
    throw held(directory, `process ${pid}`)
}

// A hard link appears whole or not at all, and only when the name is free.
async function tryLink(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined)
}

/** Null when there is no such process. */
async function identifyProcess(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${pid} ${startTicks} ${boot.trim()}`
  } catch {
    return null
  }
}

function held(directory: string, owner: string): FlamewatchError {
  return new FlamewatchError('spool', `The spool ${directory} is in use by ${owner}.`, {
    hint: 'One collector per host is enough; to run another give it its own directory with --spool.',
  })
}

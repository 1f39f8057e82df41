import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { FlamewatchError } from '../../infra/runtime/errors.ts'

// Two processes on one spool would give the same sequence numbers twice. The lock file names its
// owner by boot, pid and start of the process, so that the lock of a killed one is recognized, also
// when another process has its pid now.

/** Throws `spool` when another process has it. Answers the function that gives it back. */
export async function lockSpool(directory: string): Promise<() => Promise<void>> {
  const path = `${directory}/lock`
  const own = await identifyProcess(process.pid)
  const candidate = `${path}.${process.pid}`
  await writeFile(candidate, own ?? '', { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await tryLink(candidate, path)) return () => unlink(path).catch(ignore)
      await takeStaleLock(path, directory)
    }
  } finally {
    await unlink(candidate).catch(ignore)
  }
  throw held(directory, 'another process that starts just now')
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

async function takeStaleLock(path: string, directory: string): Promise<void> {
  const owner = await readFile(path, 'utf8').catch(() => '')
  const pid = Number(owner.split(' ')[0])
  if (await isAlive(owner)) throw held(directory, `process ${pid}`)
  // Between reading and removing, another process may have taken over: what is taken away is looked
  // at once more, and put back when it is not what was read.
  const aside = `${path}.stale.${process.pid}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if ((await readFile(aside, 'utf8')) !== owner) await tryLink(aside, path)
  await unlink(aside).catch(ignore)
}

async function isAlive(owner: string): Promise<boolean> {
  const pid = Number(owner.split(' ')[0])
  return Number.isSafeInteger(pid) && pid > 0 && (await identifyProcess(pid)) === owner
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

function ignore(): void {}

import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a whole file so that after a crash at any point there is either the old one or the new one,
 * and after this resolves it is the new one.
 */
export async function writeDurably(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}${TEMPORARY}`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writev(chunks)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(ignore)
    throw error
  }
  // The new name, too.
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Ending of files whose writing was cut short. */
export const TEMPORARY = '.tmp'

// There may be nothing to remove; the error that led here is the one to report.
function ignore(): void {}

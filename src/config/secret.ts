import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '#errors/index.ts'

/** A kept secret that is shorter was cut off, or could be guessed. */
const leastLength = 32

/**
 * The server's master secret: as given, else the one kept in `folder`, else a new one that is kept there from now on. Throws
 * `conflict` for a kept one that is cut off: with an empty secret anybody could sign in this server's name.
 */
export function masterSecret(given: string | undefined, folder: string): string {
  if (given !== undefined) return given
  const file = join(folder, 'secret')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    keep(randomBytes(48).toString('base64url'), folder, file)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
  const kept = readFileSync(file, 'utf8').trim()
  if (kept.length >= leastLength) return kept
  throw new AppError(
    'conflict',
    `The master secret in ${file} is cut off. Restore it from a backup; without one remove the file: a new secret is made, and everybody logs in again.`,
  )
}

/** What is sealed and signed with it is on the disk by the next power failure, and so must it be. */
function keep(secret: string, folder: string, file: string): void {
  // Exclusive: of two processes that start at once, one writes and both read the same.
  const written = openSync(file, 'wx', 0o600)
  try {
    if (writeSync(written, secret) < secret.length) throw new Error(`${file} could not be written as a whole`)
    fsyncSync(written)
  } catch (thrown) {
    // As on a full disk; a part of it would be taken for the secret by the next start.
    rmSync(file, { force: true })
    throw thrown
  } finally {
    closeSync(written)
  }
  const names = openSync(folder, 'r')
  fsyncSync(names)
  closeSync(names)
}

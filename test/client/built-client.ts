import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The client as it is published: built by the compiler into a folder of its own. */
export async function buildClient(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-client-'))
  await promisify(execFile)('node_modules/.bin/tsc', ['-p', 'client', '--outDir', folder])
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

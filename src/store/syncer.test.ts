import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { syncer } from './syncer.ts'

it('says that a file cannot be opened, and opens it when that is over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-sync-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'file')
  const sync = syncer(path)
  for (let i = 0; i < 2; i++) await expect(sync()).rejects.toMatchObject({ code: 'ENOENT' })
  await writeFile(path, 'x')
  await Promise.all([sync(), sync(), sync()])
})

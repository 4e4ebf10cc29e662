import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { masterSecret } from './index.ts'

const limitable = spawnSync('prlimit', ['--version']).status === 0

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-secret-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('is made once and kept, unless one is given', () => {
  const made = masterSecret(undefined, folder)
  expect(made).toMatch(/^[\w-]{64}$/)
  expect(masterSecret(undefined, folder)).toBe(made)
  expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe(made)
  expect(masterSecret('given', folder)).toBe('given')
})

it.each(['', '\n', 'cut-off'])('is refused where only %j of it is left', (left) => {
  writeFileSync(join(folder, 'secret'), left)
  expect(() => masterSecret(undefined, folder)).toThrow(
    expect.objectContaining({ code: 'conflict', message: expect.stringContaining(`${folder}/secret is cut off`) }),
  )
})

it.skipIf(!limitable)('leaves no part of it on a disk that is full (needs prlimit)', () => {
  const script = `import { masterSecret } from '#config/index.ts'; masterSecret(undefined, ${JSON.stringify(folder)})`
  const run = ['--fsize=10', process.execPath, '--input-type=module-typescript', '--eval', script]
  expect(spawnSync('prlimit', run).status).toBe(1)
  expect(readdirSync(folder)).toEqual([])
})

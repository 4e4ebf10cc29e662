import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type Home, makeHome, spawnParley } from '#test/support/parley.ts'

/** What it printed before it gave up, with its exit code. */
async function refusedStart(
  home: Home,
  env: Record<string, string>,
  shell?: (command: string) => string,
): Promise<string> {
  const parley = await spawnParley({ home, env, ...(shell && { shell }) }).catch((error: Error) => error.message)
  if (typeof parley === 'string') return parley
  await parley.stop('SIGKILL')
  throw new Error('it started')
}

describe.each(databaseKinds)('a start on %s that fails', (kind) => {
  let home: Home
  beforeEach(async () => {
    home = await makeHome(kind)
  })
  afterEach(() => home.remove())

  it('when the port is taken, has told what is told once, and ends', { timeout: 30_000 }, async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const said = await refusedStart(home, { PORT: String(port), PARLEY_OWNER_KEY: '', PARLEY_OWNER_PASSWORD: '' })
    other.close()
    expect(said).toContain('ended with 1')
    expect(said).toContain(`Parley cannot start: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`)
    const key = /API key \(shown once\): +(\S+)/.exec(said)?.[1]

    const next = await spawnParley({ home, env: { PARLEY_OWNER_KEY: '' } })
    const me = await fetch(`${next.url}/api/v1/auth/me`, { headers: { authorization: `Bearer ${key}` } })
    await next.stop('SIGKILL')
    expect(me.status).toBe(200)
    expect(next.output()).not.toContain('First start')
  })

  it('when its address is none of this machine, names the variable', { timeout: 30_000 }, async () => {
    for (const host of ['http://127.0.0.1', '192.0.2.77']) {
      const said = await refusedStart(home, { HOST: host })
      expect(said).toContain(`Parley cannot start: The environment variable HOST must be an address of this machine`)
      expect(said).toContain(JSON.stringify(host))
    }
  })

  it('when a setting is wrong, says so in a line and ends', { timeout: 30_000 }, async () => {
    const said = await refusedStart(home, { PARLEY_OWNER_PASSWORD: 'short' })
    expect(said).toContain('ended with 1')
    expect(said).toMatch(/Parley cannot start: .*PARLEY_OWNER_PASSWORD.*\n$/)
  })
})

describe('a data folder that is of no use', () => {
  const text = (name: string) => (folder: string) =>
    writeFile(join(folder, name), 'This is a page of some diary.\n'.repeat(40))
  const bigLog = (command: string) => `prlimit --fsize=4096 ${command.replace(/^exec /, '')}`
  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
  it.for<[string, RegExp, (folder: string) => Promise<unknown>, ((command: string) => string)?]>([
    ['the database is something else', /parley\.db is damaged \(.+\)\. Restore a backup/, text('parley.db')],
    ['the database is a folder', /parley\.db: unable to open/, (folder) => mkdir(join(folder, 'parley.db'))],
    ['the lock is something else', /parley\.lock is damaged \(.+\)\. Remove it/, text('parley.lock')],
    ['the disk is full', /parley\.db: (disk I\/O error|database or disk is full)/, async () => undefined, bigLog],
  ])('is told in a line where %s', { timeout: 30_000 }, async ([, why, spoil, shell], { skip }) => {
    if (shell && !hasPrlimit) skip('needs prlimit of util-linux')
    const home = await makeHome('sqlite')
    await spoil(home.env.PARLEY_DATA!)
    const said = await refusedStart(home, {}, shell)
    await home.remove()
    expect(said).toMatch(new RegExp(`ended with 1 before it listened:\\nParley cannot start: .*${why.source}.*\n$`))
  })
})

describe.runIf(databaseKinds.includes('postgres'))('a DATABASE_URL that is of no use', () => {
  const right = (change: (url: URL) => void) => {
    const url = new URL(process.env.PARLEY_TEST_DATABASE_URL!)
    url.password = 'geheim77'
    change(url)
    return url.toString()
  }
  it.each([
    ['nobody listens', 'ECONNREFUSED', () => right((url) => Object.assign(url, { hostname: 'localhost', port: '9' }))],
    ['there is no such database', 'does not exist', () => right((url) => Object.assign(url, { pathname: '/nope' }))],
    ['there is no such user', 'nobody_here', () => right((url) => Object.assign(url, { username: 'nobody_here' }))],
    ['it is no URL', 'Invalid URL', () => 'postgres://u:gehe#im77@127.0.0.1:5432/x'],
  ])('is told in a line without its password where %s', async (_, why, url) => {
    const home = await makeHome('sqlite')
    const said = await refusedStart(home, { DATABASE_URL: url() })
    await home.remove()
    expect(said).toMatch(new RegExp(`Parley cannot start: The database of DATABASE_URL: .*${why}.*\n$`))
    expect(said).not.toMatch(/gehe/)
  })
})

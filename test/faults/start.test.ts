import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type Home, makeHome, spawnParley } from '#test/support/parley.ts'

/** What it printed before it gave up, with its exit code. */
async function refusedStart(home: Home, env: Record<string, string>): Promise<string> {
  const parley = await spawnParley({ home, env }).catch((error: Error) => error.message)
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

  it('when a setting is wrong, says so in a line and ends', { timeout: 30_000 }, async () => {
    const said = await refusedStart(home, { PARLEY_OWNER_PASSWORD: 'short' })
    expect(said).toContain('ended with 1')
    expect(said).toMatch(/Parley cannot start: .*PARLEY_OWNER_PASSWORD.*\n$/)
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

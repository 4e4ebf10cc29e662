import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'

/** Only PostgreSQL has several processes; before Redis they know of each other only what is stored. */
describe.skipIf(!databaseKinds.includes('postgres'))('two processes on one PostgreSQL', () => {
  const clock = { ahead: 0 }
  let home: Home
  let here: Awaited<ReturnType<typeof startParley>>
  let there: Awaited<ReturnType<typeof startParley>>
  beforeAll(async () => {
    home = await makeHome('postgres')
    const env = { PARLEY_JWT_SECRET: 'the secret that both processes share' }
    here = await startParley({ home, env })
    there = await startParley({ home, env, overrides: { now: () => Date.now() + clock.ahead } })
  })
  afterAll(async () => {
    await there.close()
    await here.close()
    await home.remove()
  })

  async function post(method: string, url: string, body: object, headers = here.headers) {
    const response = await fetch(here.url + url, { method, headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${url}: ${text}`)
    return (JSON.parse(text) as { data: Record<string, unknown> }).data
  }
  const person = async (name: string) => {
    const grant = await post('POST', '/api/v1/auth/register', {
      email: `${name}@example.test`,
      password: 'long enough',
    })
    return { id: (grant.user as { id: string }).id, token: grant.access_token as string }
  }
  const workspace = async () =>
    (
      (await (await fetch(`${here.url}/api/v1/auth/me`, { headers: here.headers })).json()) as {
        data: { workspace_id: string }
      }
    ).data.workspace_id
  async function settled(socket: LiveSocket) {
    const pongs = socket.frames.filter(({ type }) => type === 'pong').length
    socket.send({ type: 'ping' })
    await socket.take('pong', pongs + 1)
  }

  it('notifications reach who is connected to the other one', async () => {
    const eve = await person('eve')
    const socket = await openLive(there, `/ws/notifications/${eve.id}?token=${eve.token}`)
    await settled(socket)
    const ws = await workspace()
    for (const role of ['member', 'admin'])
      await post(
        role === 'member' ? 'POST' : 'PUT',
        `/api/v1/workspaces/${ws}/members${role === 'member' ? '' : `/${eve.id}`}`,
        {
          user_id: eve.id,
          role,
        },
      )
    const frames = await socket.take('notification', 2)
    expect(frames.map(({ notification }) => (notification as { kind: string }).kind)).toEqual([
      'member_added',
      'role_changed',
    ])
    await socket.close()
  })

  it('a run is watched at the other one', async () => {
    const { read } = here.parley.database
    const row = await read.selectFrom('memberships').select(['workspace_id', 'user_id']).executeTakeFirstOrThrow()
    const runs = here.parley.executions
    const id = await runs.start({ workspaceId: row.workspace_id, userId: row.user_id, pluginId: 'p', toolName: 't' })
    const socket = await openLive(there, `/api/v1/ws/plugin/debug/${id}`)
    await socket.until(({ type }) => type === 'execution_info')
    await runs.append(id, { type: 'log', data: { message: 'from the other one' } })
    await socket.until(({ type }) => type === 'log')
    await runs.finish(id, { result: 1 })
    expect(await socket.closed).toEqual({ code: 1000, reason: 'completed' })
  })

  it('who was removed at one hears nothing at the other, five seconds later', async () => {
    const dan = await person('dan')
    const ws = await workspace()
    await post('POST', `/api/v1/workspaces/${ws}/members`, { user_id: dan.id })
    const his = await openLive(there, `/ws/workspaces/${ws}?token=${dan.token}`)
    const other = await openLive(there, `/ws/workspaces/${ws}`, { authorization: there.headers.authorization! })
    for (const socket of [his, other]) await settled(socket)
    other.send({ type: 'document_updated', document_id: 'for him' })
    await his.until(({ document_id }) => document_id === 'for him')
    await post('DELETE', `/api/v1/workspaces/${ws}/members/${dan.id}`, {})
    clock.ahead += 5_000
    other.send({ type: 'document_updated', document_id: 'not for him' })
    expect(await his.closed).toEqual({ code: 1008, reason: 'Workspace not found' })
    expect(his.texts.join('')).not.toContain('not for him')
    await other.close()
  })
})

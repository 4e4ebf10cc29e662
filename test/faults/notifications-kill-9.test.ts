import { afterEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { type Home, makeHome, spawnParley, startParley } from '#test/support/parley.ts'

interface Note {
  id: string
  kind: string
  data: { role: string }
}

for (const kind of databaseKinds)
  describe(`notifications and kill -9 on ${kind}`, () => {
    const cleanUps: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    async function spawned(home: Home) {
      const parley = await spawnParley({ home })
      cleanUps.push(() => parley.stop('SIGKILL'))
      return parley
    }

    const send = async (
      at: { url: string },
      headers: Record<string, string>,
      method: string,
      url: string,
      body: object,
    ) => {
      const response = await fetch(at.url + url, { method, headers, body: JSON.stringify(body) })
      if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
      return ((await response.json()) as { data: Record<string, unknown> }).data
    }
    const notes = async (socket: LiveSocket, count: number) =>
      (await socket.take('notification', count)).map(({ notification }) => notification as Note)

    it('lose nothing that was answered, and repeat nothing whose acknowledgement was', async () => {
      const home = await makeHome(kind)
      cleanUps.push(home.remove)
      const first = await spawned(home)
      const json = { 'content-type': 'application/json' }
      const grant = await send(first, json, 'POST', '/api/v1/auth/register', {
        email: 'member@example.test',
        password: 'a long password',
      })
      const member = (grant.user as { id: string }).id
      const me = await send(first, first.headers, 'PATCH', '/api/v1/auth/me', {}).catch(() => undefined)
      expect(me).toBeUndefined()
      const owner = (await (await fetch(`${first.url}/api/v1/auth/me`, { headers: first.headers })).json()) as {
        data: { workspace_id: string }
      }
      const members = `/api/v1/workspaces/${owner.data.workspace_id}/members`
      const path = `/ws/notifications/${member}?token=${grant.access_token as string}`
      const socket = await openLive(first, path)
      await send(first, first.headers, 'POST', members, { user_id: member, role: 'member' })
      await send(first, first.headers, 'PUT', `${members}/${member}`, { role: 'admin' })
      const [added, raised] = await notes(socket, 2)
      expect([added!.kind, raised!.kind]).toEqual(['member_added', 'role_changed'])
      socket.send({ type: 'ack', id: added!.id })
      await socket.until(({ type }) => type === 'ack_result')
      // Answered, but nobody had time to be told of it.
      for (const role of ['member', 'admin', 'member'])
        await send(first, first.headers, 'PUT', `${members}/${member}`, { role })
      await first.stop('SIGKILL')
      await socket.closed

      const second = await startParley({ home })
      cleanUps.push(() => second.close())
      const again = await openLive(second, path)
      const came = await notes(again, 4)
      expect(came[0]).toEqual(raised)
      expect(came.map(({ data }) => data.role)).toEqual(['admin', 'member', 'admin', 'member'])
      expect(came.map(({ id }) => id)).not.toContain(added!.id)
      await again.close()
    })
  })

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { query } from '#test/support/ledger.ts'
import { makeHome, ownerPassword, spawnParley } from '#test/support/parley.ts'
import { startUpstream } from '#test/support/upstream-simulator.ts'
import { openSocket } from './socket.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

const body = { model: 'gpt-sim', messages: [{ role: 'user', content: 'hello' }] }

it('keeps what it writes to its own user, also in a folder that it makes', async () => {
  const home = await makeHome()
  const folder = join(home.env.PARLEY_DATA!, 'made')
  const parley = await spawnParley({ home: { ...home, env: { PARLEY_DATA: folder } } })
  await fetch(`${parley.url}/v1/models`, { headers: bearer(parley.key) })
  const written = ['', ...(await readdir(folder, { recursive: true }))]
  const open = []
  for (const name of written) if (((await stat(join(folder, name))).mode & 0o077) !== 0) open.push(name)
  expect(open).toEqual([])
  expect(written).toEqual(expect.arrayContaining(['', 'parley.db', 'secret', 'cache']))
  await parley.stop('SIGTERM')
  await home.remove()
})

for (const kind of databaseKinds)
  describe(`what stays inside on ${kind}`, () => {
    it('writes no secret into the log, at any level', async () => {
      const upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      const jwtSecret = 'the-secret-of-all-tokens-of-this-server'
      const parley = await spawnParley({
        kind,
        upstreamUrl: upstream.url,
        env: { LOG_LEVEL: 'trace', PARLEY_JWT_SECRET: jwtSecret },
      })
      const secrets = new Set([parley.key, ownerPassword, jwtSecret, 'sk-upstream-secret', 'words only for the model'])
      const ask = async (method: string, path: string, headers: Record<string, string>, sent?: unknown) => {
        const response = await fetch(parley.url + path, {
          method,
          headers: { ...headers, ...(sent !== undefined && { 'content-type': 'application/json' }) },
          ...(sent !== undefined && { body: JSON.stringify(sent) }),
        })
        for (const cookie of response.headers.getSetCookie()) secrets.add(cookie.split(';')[0]!.split('=')[1]!)
        const text = await response.text()
        // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
        const json: any = text.startsWith('{') ? JSON.parse(text) : {}
        const found = json.data ?? json
        for (const name of ['access_token', 'refresh_token', 'key'])
          if (typeof found?.[name] === 'string') secrets.add(found[name])
        return { status: response.status, found }
      }
      const owner = bearer(parley.key)

      const email = 'somebody@example.test'
      const passwords = ['the first password', 'a wrong password', 'the second password']
      for (const password of passwords) secrets.add(password)
      const registered = await ask('POST', '/api/v1/auth/register', {}, { email, password: passwords[0] })
      await ask('POST', '/api/v1/auth/login', {}, { email, password: passwords[1] })
      const jwt = bearer(registered.found.access_token)
      await ask('POST', '/api/v1/auth/refresh', {}, { refresh_token: registered.found.refresh_token })
      await ask('POST', '/api/v1/auth/refresh', {}, { refresh_token: registered.found.refresh_token })
      const again = await ask('POST', '/api/v1/auth/login', {}, { email, password: passwords[0] })
      const change = { current_password: passwords[0], new_password: passwords[2] }
      await ask('POST', '/api/v1/auth/password', bearer(again.found.access_token), change)
      expect((await ask('GET', '/api/v1/auth/me', jwt)).status).toBe(401)

      const made = await ask('POST', '/api/v1/api-keys', owner, { name: 'one' })
      await ask('POST', `/api/v1/api-keys/${made.found.id}/rotate`, owner)
      const app = await ask('POST', '/api/v1/applications', owner, { name: 'An app', model: 'gpt-sim' })
      await ask('POST', `/api/v1/chat/${app.found.access_token}/chat/completions`, {}, body)
      await ask('POST', `/api/v1/applications/${app.found.id}/token/rotate`, owner)

      const words = { ...body, messages: [{ role: 'user', content: 'words only for the model' }] }
      for (const status of [401, 400, 500]) {
        upstream.script({ raw: { status, body: `{"error":{"message":"Incorrect API key sk-upstream-secret"}}` } })
        expect((await ask('POST', '/v1/chat/completions', owner, words)).status).toBeGreaterThanOrEqual(400)
      }
      const credentials = [made.found.key, again.found.access_token, app.found.access_token]
      for (const credential of credentials) {
        const socket = await openSocket(`${parley.url.replace('http', 'ws')}/ws/chat/s?token=${credential}`, {})
        expect((await socket.closed).code).toBe(1008)
        await ask('GET', `/v1/models?api_key=${credential}`, { 'x-api-key': credential })
        await ask('GET', `/nowhere/${credential}`, bearer(credential))
      }
      if (kind === 'postgres') {
        await query(parley.home, 'alter table apps rename to hidden')
        expect((await ask('GET', '/api/v1/applications', owner)).status).toBe(500)
        expect((await ask('POST', '/v1/chat/completions', owner, { ...words, model: 'app/an-app' })).status).toBe(500)
        expect(parley.output()).toContain('request failed')
      }

      expect(await parley.stop('SIGTERM')).toBe(0)
      expect(parley.output()).toContain('stopping')
      expect(secrets.size).toBeGreaterThan(15)
      for (const secret of secrets) expect(parley.output()).not.toContain(secret)
      await parley.home.remove()
      await upstream.close()
    })

    describe('and in answers', () => {
      let world: World
      let alice: Person
      let hers: Belongings

      beforeAll(async () => {
        world = await makeWorld(kind)
        alice = await world.person('alice')
        hers = await world.belongings(alice, 'alice-alone')
      })
      afterAll(() => world?.close())

      /** Everything a caller can be told of a turn, by every door. */
      const askEverywhere: [string, (stream: boolean) => Promise<string>][] = [
        [
          '/v1',
          async (stream) => {
            const headers = bearer(alice.key)
            const answer = await world.ask('POST', '/v1/chat/completions', { headers, body: { ...body, stream } })
            return answer.text + JSON.stringify([...answer.headers])
          },
        ],
        [
          '/api/v1',
          async (stream) => {
            const answer = await world.ask('POST', `/api/v1/chat/${hers.app}/chat/completions`, {
              headers: { ...bearer(alice.key), 'x-parley-events': 'all' },
              body: { ...body, stream },
            })
            const id = answer.headers.get('x-turn-id')
            const looks = ['', '/events'].map((rest) =>
              world.ask('GET', `/api/v1/turns/${id}${rest}`, { headers: bearer(alice.key) }),
            )
            return answer.text + (await Promise.all(looks)).map(({ text }) => text).join('')
          },
        ],
        [
          '/ws/chat',
          async () => {
            const socket = await world.socket(`/ws/chat/s?token=${alice.key}`)
            socket.send({ type: 'chat', content: 'hello', application_id: hers.app })
            await Promise.race([socket.next('error'), socket.next('response_end')])
            const told = JSON.stringify(socket.frames)
            socket.close()
            await socket.closed
            return told
          },
        ],
      ]
      const marker = 'vault.internal said sk-live-4242'

      for (const [door, ask] of askEverywhere)
        it(`tells nothing of an upstream’s own words through ${door}`, async () => {
          const error = { error: { message: marker, type: marker, code: marker, param: marker } }
          for (const stream of [false, true]) {
            for (const status of [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504]) {
              // As often as the server may try again.
              const reply = { raw: { status, headers: { 'x-internal': marker }, body: JSON.stringify(error) } }
              world.upstream.respond(reply)
              expect(await ask(stream), `status ${status}`).not.toContain('vault')
            }
            world.upstream.respond({
              raw: { body: `<html>${marker}</html>`, headers: { 'content-type': 'text/html' } },
            })
            expect(await ask(stream), 'html').not.toContain('vault')
            const frames = `data: {"choices":[{"index":0,"delta":{"content":"He"}}]}\n\ndata: ${JSON.stringify(error)}\n\n`
            world.upstream.respond({ raw: { body: frames, headers: { 'content-type': 'text/event-stream' } } })
            expect(await ask(stream), 'within the stream').not.toContain('vault')
          }
          world.upstream.respond({})
        })

      it('tells nothing of a defect but that there was one', async () => {
        const { database } = world.parley.parley
        const socket = await world.socket(`/ws/chat/s?token=${alice.key}`)
        await socket.next('connected')
        await database.write((tx) => sql`alter table apps rename to hidden_away`.execute(tx.db).then(() => undefined))
        const headers = bearer(alice.key)
        const failures = [
          await world.ask('GET', '/v1/models', { headers }),
          await world.ask('POST', '/v1/chat/completions', { headers, body: { ...body, model: `app/${hers.slug}` } }),
          await world.ask('GET', '/api/v1/applications', { headers }),
          await world.ask('POST', '/api/v1/chat/sessions', { headers, body: { application_id: hers.slug } }),
        ]
        socket.send({ type: 'chat', content: 'hello', application_id: hers.slug })
        const frame = await socket.next('error')
        socket.close()
        await socket.closed
        await database.write((tx) => sql`alter table hidden_away rename to apps`.execute(tx.db).then(() => undefined))

        for (const [index, { status, text, json, headers: answered }] of failures.entries()) {
          expect(status, `${index} ${text}`).toBe(500)
          expect(text).not.toMatch(/apps|hidden|table|relation|sql|node_modules|\.ts|at async/i)
          const id = answered.get('x-request-id')
          if (index < 2) expect(json.error).toMatchObject({ message: 'Internal server error', param: null })
          else expect(json.message).toBe(`Internal server error. Request ID: ${id}`)
        }
        expect(frame).toMatchObject({ message: 'Internal server error', code: 'internal' })
        expect(JSON.stringify(frame)).not.toMatch(/apps|hidden|table|relation/i)
      })
    })
  })

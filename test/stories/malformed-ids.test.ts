import { describe, expect, it } from 'vitest'
import { useStory } from '#test/support/story.ts'

const bad = ['x', '7', 'null', 'urn:uuid:01a1fdf2-9220-7000-8000-000000000000', '01a1fdf2-9220-7000-8000-00000000000g']
const unknown = '01a1fdf2-9220-7000-8000-000000000000'

/** Method, path, the field of it that `:` stands for, and a body that is right. */
const routes: [method: string, path: string, field: string, body?: object][] = [
  ['GET', '/api-keys/:', 'id'],
  ['PATCH', '/api-keys/:', 'id', { name: 'New' }],
  ['DELETE', '/api-keys/:', 'id'],
  ['POST', '/api-keys/:/rotate', 'id'],
  ['GET', '/api-keys/:/stats', 'id'],
  ['GET', '/api-keys?workspace_id=:', 'workspace_id'],
  ['GET', '/workspaces/:', 'ws'],
  ['PATCH', '/workspaces/:', 'ws', { name: 'New' }],
  ['GET', '/workspaces/:/members', 'ws'],
  ['POST', '/workspaces/:/members', 'ws', { email: 'ada@example.test' }],
  ['PUT', '/workspaces/~/members/:/role', 'user_id', { role: 'member' }],
  ['DELETE', '/workspaces/~/members/:', 'user_id'],
  ['GET', '/workspaces/:/retention', 'ws'],
  ['PUT', '/workspaces/:/retention', 'ws', { retention_days: null }],
  ['GET', '/workspaces/:/holds', 'ws'],
  ['DELETE', '/workspaces/~/holds/:', 'id'],
  ['GET', '/workspaces/:/guardrails', 'ws'],
  ['GET', '/workspaces/~/guardrails/:', 'guardrail_id'],
  ['GET', '/workspaces/:/guardrails/violations', 'ws'],
  ['POST', '/workspaces/~/members/:/erasure', 'user_id'],
  ['DELETE', '/users/:/data', 'user_id'],
  ['GET', '/erasures/:', 'id'],
  ['GET', '/notifications/:', 'id'],
  ['GET', '/turns/:', 'turn_id'],
]

describe('an id that is none', () => {
  const story = useStory('sqlite')

  it.each(routes)(
    '%s /api/v1%s is refused by name, and one of nothing is not found',
    async (method, path, field, body) => {
      const own = (await story.api('GET', '/api/v1/workspaces')).body.data[0].id
      const at = (id: string) =>
        story.api(method, `/api/v1${path.replace('~', own).replace(':', encodeURIComponent(id))}`, body)
      for (const id of bad)
        expect(await at(id), id).toMatchObject({
          status: 400,
          body: {
            data: null,
            status: 'error',
            code: 400,
            message: expect.stringMatching(`^Invalid request: ${field} must be a UUID`),
          },
        })
      // A key is no administrator of the server.
      expect((await at(unknown)).status).toBe(path.startsWith('/users') ? 403 : 404)
    },
  )

  it('in a body is refused by name too', async () => {
    const own = (await story.api('GET', '/api/v1/workspaces')).body.data[0].id
    for (const [path, body, field] of [
      ['/api/v1/api-keys', { name: 'k', workspace_id: 'x' }, 'workspace_id'],
      [`/api/v1/workspaces/${own}/members`, { user_id: 'x' }, 'user_id'],
    ] as const)
      expect(await story.api('POST', path, body)).toMatchObject({
        status: 400,
        body: { message: `Invalid request: ${field} must be a UUID` },
      })
  })
})

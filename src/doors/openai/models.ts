import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { Scoped } from '../gate/index.ts'
import type { OpenAiDoorDeps } from './deps.ts'

interface Model {
  id: string
  object: 'model'
  /** Unix seconds. */
  created: number
  owned_by: string
}

/** GET /v1/models and /v1/models/{id}: the upstreams' models, and the caller's apps as `app/<slug>` (CONTRACTS §2.3, §3.4). */
export function models(door: Scoped, deps: OpenAiDoorDeps): void {
  door.route({
    method: 'GET',
    url: '/v1/models',
    schema: {
      tags: ['models'],
      summary: 'List models',
    },
    handler: async (request) => ({ object: 'list' as const, data: await offered(request.principal, deps) }),
  })

  door.route({
    method: 'GET',
    // Names may contain slashes.
    url: '/v1/models/*',
    schema: { tags: ['models'], summary: 'Retrieve a model' },
    handler: async (request) => {
      const id = (request.params as Record<string, string>)['*'] ?? ''
      const found = (await offered(request.principal, deps)).find((model) => model.id === id)
      if (!found) throw new AppError('not-found', `The model '${id}' does not exist`, { details: { field: 'model' } })
      return found
    },
  })
}

async function offered(principal: Principal, deps: OpenAiDoorDeps): Promise<Model[]> {
  const upstream = deps.upstreams.models().map((model) => ({
    id: model.id,
    object: 'model' as const,
    created: Math.floor(model.createdAt / 1000),
    owned_by: model.upstream,
  }))
  const apps = await deps.apps.list(principal)
  return [
    ...upstream,
    ...apps
      .filter((app) => app.enabled && app.type === 'chat')
      .map((app) => ({
        id: `app/${app.slug}`,
        object: 'model' as const,
        created: Math.floor(app.createdAt / 1000),
        owned_by: 'app',
      })),
  ]
}

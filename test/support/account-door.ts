import cookie from '@fastify/cookie'
import Fastify, { type InjectOptions } from 'fastify'
import { apiKeyRoutes } from '#doors/app/api-keys/index.ts'
import { applicationEndpoints } from '#doors/app/applications/index.ts'
import { authRoutes } from '#doors/app/auth/index.ts'
import { appErrors } from '#doors/app/errors.ts'
import { guardrailEndpoints } from '#doors/app/guardrails/index.ts'
import { workspaceRoutes } from '#doors/app/workspaces/index.ts'
import { gate, type Scoped, useErrors, useValidators } from '#doors/gate/index.ts'
import { AppError } from '#errors/index.ts'
import type { Database } from '#store/index.ts'
import { accountRooms } from '#test/support/rooms.ts'

/** The account endpoints behind the real gate, without the rest of the server. */
export async function accountDoor(database: Database) {
  const rooms = accountRooms(database)
  const attempts = new Map<string, number>()
  const loginLimit = (key: string) => {
    const count = (attempts.get(key) ?? 0) + 1
    attempts.set(key, count)
    if (count > 20) throw new AppError('rate-limited', 'Too many attempts', { retryAfterMs: 1000 })
  }
  const server = Fastify({ trustProxy: true })
  useValidators(server)
  await server.register(cookie)
  gate(server, { auth: rooms.auth, limits: { check: () => undefined } })
  await server.register(async (scope) => {
    useErrors(scope, appErrors)
    const door = scope as unknown as Scoped
    authRoutes(door, { auth: rooms.auth, users: rooms.users, loginLimit, registration: true })
    apiKeyRoutes(door, { keys: rooms.keys })
    applicationEndpoints(door, { apps: rooms.apps })
    guardrailEndpoints(door, { guardrails: rooms.guardrails })
    workspaceRoutes(door, { workspaces: rooms.workspaces })
  })

  /** Sends a request and gives back its status and JSON. */
  async function send(
    method: InjectOptions['method'] & string,
    url: string,
    options: {
      as?: string
      key?: string
      body?: unknown
      headers?: Record<string, string>
      cookies?: Record<string, string>
    } = {},
  ) {
    const response = await server.inject({
      method: method as 'GET',
      url: `/api/v1${url}`,
      headers: {
        ...(options.as && { authorization: `Bearer ${options.as}` }),
        ...(options.key && { 'x-api-key': options.key }),
        ...options.headers,
      },
      ...(options.cookies && { cookies: options.cookies }),
      ...(options.body !== undefined && { payload: options.body as object }),
    })
    return { status: response.statusCode, body: response.json(), cookies: response.cookies, headers: response.headers }
  }

  return { rooms, server, send, close: () => server.close() }
}

export type AccountDoor = Awaited<ReturnType<typeof accountDoor>>

import { Type } from 'typebox'
import { AppError, invalid } from '#errors/index.ts'
import type { Auth, ClientGrant } from '#features/auth/index.ts'
import type { Scoped } from '../gate/index.ts'
import { readClient } from './client.ts'

const text = Type.Optional(Type.String({ maxLength: 8192 }))
const body = Type.Object({
  grant_type: Type.String({ maxLength: 64 }),
  client_id: text,
  client_secret: text,
  refresh_token: text,
  scope: text,
})

/** POST /auth/api/v1/oauth/connect/token: OAuth 2.0 client credentials; the client is an API key. */
export function tokenRoute(door: Scoped, { auth }: { auth: Pick<Auth, 'grantToClient' | 'refreshClient'> }): void {
  door.route({
    method: 'POST',
    url: '/auth/api/v1/oauth/connect/token',
    schema: { body, tags: ['auth'], summary: 'OAuth 2.0 tokens for an API key' },
    config: { auth: 'public' },
    handler: async (request, reply) => {
      const { grant_type: grantType, refresh_token: refreshToken, scope } = request.body
      const client = readClient(request.headers.authorization, request.body)
      const grant = await give()
      door.countAgainst(reply, grant.principal, false)
      return presentTokens(grant)

      function give(): Promise<ClientGrant> {
        if (grantType === 'client_credentials') return auth.grantToClient(client, scope)
        if (grantType !== 'refresh_token')
          throw new AppError('unsupported', 'grant_type must be client_credentials or refresh_token', {
            details: { field: 'grant_type' },
          })
        if (refreshToken === undefined) throw invalid('refresh_token', 'refresh_token is missing', 'missing')
        return auth.refreshClient(client, refreshToken, scope)
      }
    },
  })
}

function presentTokens(grant: ClientGrant) {
  return {
    access_token: grant.accessToken,
    expires_in: grant.expiresInSeconds,
    refresh_token: grant.refreshToken,
    token_type: 'Bearer',
    scope: [...grant.scopes].join(' '),
  }
}

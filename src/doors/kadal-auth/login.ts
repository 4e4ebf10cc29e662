import { Type } from 'typebox'
import type { Auth, TenantGrant } from '#features/auth/index.ts'
import type { Scoped } from '../gate/index.ts'

const body = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 254 }),
  password: Type.String({ minLength: 1, maxLength: 1024 }),
  tenant_code: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
})

export interface LoginDeps {
  auth: Pick<Auth, 'loginToTenant'>
  /** Throws `rate-limited` when this name was tried too often. */
  loginLimit(key: string): void
}

/** POST /aiwb/auth/api/v2/login: an e-mail address and a password → a token for one workspace. */
export function loginRoute(door: Scoped, deps: LoginDeps): void {
  door.route({
    method: 'POST',
    url: '/aiwb/auth/api/v2/login',
    schema: { body, tags: ['auth'], summary: 'Log in to a workspace, as Kadal’s clients do' },
    config: { auth: 'public' },
    handler: async (request) => {
      const { username, password, tenant_code: tenantCode } = request.body
      deps.loginLimit(`${username.trim().toLowerCase()}|${request.ip}`)
      const code = typeof tenantCode === 'string' && { tenantCode }
      const grant = await deps.auth.loginToTenant({ username, password, ...code })
      return { status_code: 200, message: 'Login successful', data: presentLogin(grant) }
    },
  })
}

function presentLogin({ accessToken, idToken, sessionId, user, givenName, familyName, workspace }: TenantGrant) {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    id_token: idToken,
    'not-before-policy': 0,
    session_state: sessionId,
    scope: 'openid email profile',
    first_name: givenName,
    last_name: familyName,
    name: user.name,
    username: user.email,
    user_id: user.publicId,
    roles: [{ role_id: workspace.role, role_name: workspace.role }],
    email: user.email,
    platforms: ['AIWB', 'CMS'],
    profile_pic_url: null,
    tenant_id: workspace.ref.publicId,
    tenant_code: workspace.code,
    announcement_acknowledged: true,
  }
}

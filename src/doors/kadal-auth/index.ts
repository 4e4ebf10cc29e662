/**
 * How Kadal's clients get in (CONTRACTS §4.1): people by name and password into one workspace, programs by OAuth 2.0 with an API
 * key. The tokens open every door.
 */
import { type Scoped, useErrors } from '../gate/index.ts'
import { kadalErrors, oauthErrors } from './errors.ts'
import { takeForms } from './form.ts'
import { type LoginDeps, loginRoute } from './login.ts'
import { tokenRoute } from './token.ts'

export { kadalErrors, oauthErrors } from './errors.ts'

export interface KadalAuthDeps extends LoginDeps {
  auth: LoginDeps['auth'] & Parameters<typeof tokenRoute>[1]['auth']
}

export async function kadalAuthDoor(door: Scoped, deps: KadalAuthDeps): Promise<void> {
  // Tokens are for whoever asked, not for the caches between.
  door.addHook('onSend', async (_, reply) => {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  })
  await door.register(async (scope) => {
    useErrors(scope, kadalErrors)
    loginRoute(scope as unknown as Scoped, deps)
  })
  await door.register(async (scope) => {
    useErrors(scope, oauthErrors)
    takeForms(scope)
    scope.addHook('onSend', async (_, reply) => {
      if (reply.statusCode === 401) reply.header('www-authenticate', 'Basic realm="parley"')
    })
    tokenRoute(scope as unknown as Scoped, deps)
  })
}

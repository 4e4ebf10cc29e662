import { ParleyError, parleyError } from './errors.ts'

/** The credential, shared by everything that one client does: however many ask for a fresh one, one is fetched. */
export interface Tokens {
  /** Undefined: there is none, the browser's cookie must do. Rejects with a ParleyError. */
  current(): Promise<string | undefined>
  /** Another than the refused one. Rejects with `auth_error` when there can be no other. */
  fresh(refused: string | undefined): Promise<string | undefined>
}

export type GetToken = (options: { fresh: boolean }) => string | Promise<string>

export function tokens(given: { token?: string | undefined; getToken?: GetToken | undefined }): Tokens {
  const { getToken } = given
  let known = given.token
  let fetching: Promise<string> | undefined

  function fetchToken(fresh: boolean): Promise<string> {
    fetching ??= ask(fresh).finally(() => {
      fetching = undefined
    })
    return fetching
  }

  async function ask(fresh: boolean): Promise<string> {
    try {
      known = await getToken!({ fresh })
      return known
    } catch (thrown) {
      if (thrown instanceof ParleyError) throw thrown
      throw parleyError('connection_failed', 'No token: getToken failed', thrown)
    }
  }

  return {
    async current() {
      return known ?? (getToken ? fetchToken(false) : undefined)
    },
    async fresh(refused) {
      if (!getToken) throw parleyError('auth_error', 'The server refuses the token')
      return known !== undefined && known !== refused ? known : fetchToken(true)
    },
  }
}

/** `getToken` says so, or the server: it makes no sense to try again. */
export function isRefusal(thrown: unknown): thrown is ParleyError {
  return thrown instanceof ParleyError && thrown.code === 'auth_error'
}

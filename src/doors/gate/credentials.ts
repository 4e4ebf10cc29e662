import type { IncomingHttpHeaders } from 'node:http'

/** What a request carries to say who it is (features/auth has the same shape). */
export interface CredentialsOf {
  bearer?: string
  apiKey?: string
  cookie?: string
  csrfToken?: string
  unsafeMethod?: boolean
  workspaceId?: string
}

export const sessionCookie = 'parley_session'
const cookiePattern = new RegExp(`(?:^|;)\\s*${sessionCookie}=([^;]*)`)

/** Headers and cookie → credentials; nothing is believed yet. */
export function readCredentials(request: { headers: IncomingHttpHeaders; method: string }): CredentialsOf {
  const { headers } = request
  const out: CredentialsOf = {}
  const authorization = headers.authorization
  if (authorization !== undefined) out.bearer = bearerOf(authorization)
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string') out.apiKey = apiKey
  const workspaceId = headers['x-workspace-id']
  if (typeof workspaceId === 'string') out.workspaceId = workspaceId
  if (out.bearer === undefined && out.apiKey === undefined && headers.cookie !== undefined) {
    const cookie = cookiePattern.exec(headers.cookie)?.[1]
    if (cookie !== undefined) {
      out.cookie = cookie
      out.unsafeMethod = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS'
      const csrf = headers['x-csrf-token']
      if (typeof csrf === 'string') out.csrfToken = csrf
    }
  }
  return out
}

/** CoAI's own servers take keys with and without the word. */
function bearerOf(authorization: string): string {
  return /^bearer /i.test(authorization) ? authorization.slice(7).trim() : authorization.trim()
}

import type { Grant } from './login.ts'

/** What a client is told after logging in or refreshing; the session token goes into a cookie only. */
export function presentGrant(grant: Grant) {
  return {
    access_token: grant.accessToken,
    refresh_token: grant.refreshToken,
    token_type: 'bearer' as const,
    expires_in: grant.expiresInSeconds,
    csrf_token: grant.csrfToken,
  }
}

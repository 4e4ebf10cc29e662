/**
 * The one table of error codes. `docs/ERRORS.md` is generated from it; every door maps it to its own outer shape.
 * A retired code is never used again.
 *
 * `status` is the HTTP status when the failure is known before the first byte of an answer; `retry` says whether
 * sending the same request again may succeed; `saidBy` names the rooms that raise it.
 */
export const errorCodes = {
  'invalid-request': {
    status: 400,
    retry: false,
    saidBy: 'doors, features',
    meaning: 'A field is missing, of the wrong type or out of range; `details.field` names it.',
  },
  unsupported: {
    status: 400,
    retry: false,
    saidBy: 'doors, turns',
    meaning: 'The request is well formed, but asks for something this server does not do; `details.field` names it.',
  },
  'context-too-long': {
    status: 400,
    retry: false,
    saidBy: 'engine, providers',
    meaning: 'The conversation does not fit into the model’s context window and the app’s strategy is `error`.',
  },
  'outbound-refused': {
    status: 400,
    retry: false,
    saidBy: 'lib/outbound',
    meaning: 'The URL leads to where this server sends nothing on behalf of its users; `details.field` names it.',
  },
  unauthenticated: {
    status: 401,
    retry: false,
    saidBy: 'features/auth',
    meaning: 'No credential, or one that is unknown, expired or revoked.',
  },
  forbidden: { status: 403, retry: false, saidBy: 'policies', meaning: 'The caller is known but may not do this.' },
  'not-found': {
    status: 404,
    retry: false,
    saidBy: 'features, turns',
    meaning: 'It does not exist, or it belongs to somebody else.',
  },
  conflict: {
    status: 409,
    retry: false,
    saidBy: 'features, turns',
    meaning: 'It already exists, or it is in a state that forbids this.',
  },
  'too-large': {
    status: 413,
    retry: false,
    saidBy: 'doors, wire',
    meaning: 'The body, frame or upload is over its limit.',
  },
  'upgrade-required': {
    status: 426,
    retry: false,
    saidBy: 'doors',
    meaning: 'The path speaks WebSocket (RFC 6455, version 13) and nothing else.',
  },
  'content-blocked': {
    status: 400,
    retry: false,
    saidBy: 'engine, providers',
    meaning: 'A guardrail or the upstream’s filter refused the content.',
  },
  'quota-exceeded': { status: 429, retry: false, saidBy: 'metering', meaning: 'The workspace’s budget is spent.' },
  'rate-limited': {
    status: 429,
    retry: true,
    saidBy: 'metering',
    meaning: 'Too many requests; `retryAfterMs` says when the next one is welcome.',
  },
  overloaded: {
    status: 503,
    retry: true,
    saidBy: 'turns, store',
    meaning: 'This server cannot take the request now (shutting down, disk full, too many turns).',
  },
  'upstream-rejected': {
    status: 502,
    retry: false,
    saidBy: 'providers',
    meaning: 'The upstream refused the request as such.',
  },
  'upstream-auth': {
    status: 502,
    retry: false,
    saidBy: 'providers',
    meaning: 'The upstream refused this server’s credential.',
  },
  'upstream-rate-limited': {
    status: 503,
    retry: true,
    saidBy: 'providers',
    meaning: 'The upstream says too many requests.',
  },
  'upstream-overloaded': {
    status: 503,
    retry: true,
    saidBy: 'providers',
    meaning: 'The upstream answered 5xx or says it is overloaded, or its circuit is open.',
  },
  'upstream-unreachable': {
    status: 503,
    retry: true,
    saidBy: 'providers',
    meaning: 'No connection to the upstream, or it was reset.',
  },
  'upstream-timeout': {
    status: 504,
    retry: true,
    saidBy: 'providers',
    meaning: 'The upstream did not connect, start or go on in time.',
  },
  'upstream-malformed': {
    status: 502,
    retry: false,
    saidBy: 'providers',
    meaning: 'The upstream’s answer is not what its protocol allows, or it ended too early.',
  },
  'node-failed': { status: 500, retry: false, saidBy: 'graphs', meaning: 'A node of a workflow failed.' },
  'graph-invalid': { status: 400, retry: false, saidBy: 'graphs', meaning: 'The workflow is not runnable as drawn.' },
  cancelled: { status: 499, retry: false, saidBy: 'turns', meaning: 'The turn was cancelled.' },
  interrupted: {
    status: 503,
    retry: true,
    saidBy: 'turns',
    meaning: 'The process that ran the turn ended before the turn did.',
  },
  'consumer-too-slow': {
    status: 503,
    retry: true,
    saidBy: 'wire',
    meaning: 'The reader fell too far behind; resume with the last seen seq.',
  },
  internal: {
    status: 500,
    retry: false,
    saidBy: 'anything unknown',
    meaning: 'A defect. The detail is in the log, never in the answer.',
  },
} as const satisfies Record<string, { status: number; retry: boolean; saidBy: string; meaning: string }>

export type ErrorCode = keyof typeof errorCodes

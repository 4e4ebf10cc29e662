/**
 * Requests to addresses that users gave: checked, and made only to what was checked (docs/WEBHOOKS.md, "Where requests
 * may go"). Everything that fetches for a user goes through here; upstreams, which administrators set up, do not.
 */
import { Agent, buildConnector } from '../undici-agent.ts'
import { type GuardOptions, guard, refused } from './guard.ts'
import { type OutboundAnswer, type OutboundRequest, send } from './send.ts'

export { type OutboundAllow, readOutboundAllow } from './allow.ts'
export type { OutboundAnswer, OutboundRequest } from './send.ts'

export interface OutboundOptions extends GuardOptions {
  connectMs?: number
}

export interface Outbound {
  /**
   * A URL that something may be sent to, as far as that can be told now. Throws `invalid-request` or `outbound-refused`
   * naming `field`.
   */
  check(field: string, url: string): Promise<URL>
  /**
   * Sends one request, to an address that was checked just before. Redirects are not followed: a 3xx is an answer. Rejects
   * with AppError: outbound-refused, upstream-timeout, upstream-unreachable, upstream-malformed, cancelled. Their messages
   * tell nothing of what is behind an address that is not open.
   */
  send(request: OutboundRequest): Promise<OutboundAnswer>
  close(): Promise<void>
}

export function outbound(options: OutboundOptions): Outbound {
  const gate = guard(options)
  const connect = buildConnector({ timeout: options.connectMs ?? 5_000, allowH2: false, lookup: gate.lookupOpen })
  const agent = new Agent({
    // A kept connection may be closed under the next request, which must not be sent twice without being asked.
    pipelining: 0,
    connect: (to, callback) => {
      // An address in the URL is not looked up.
      if (gate.mayBeAsked(to.hostname)) connect(to, callback)
      else callback(refused('url'), null)
    },
  })
  return {
    check: gate.check,
    send: (request) => send(agent, request),
    close: () => agent.destroy(),
  }
}

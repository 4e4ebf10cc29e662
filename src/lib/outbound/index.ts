/**
 * Requests to addresses that users gave: checked, and made only to what was checked (docs/WEBHOOKS.md, "Where requests
 * may go"). Everything that fetches for a user goes through here; upstreams, which administrators set up, do not.
 */
import type { Agent } from 'undici'
import { type Guard, type GuardOptions, guard, refused } from './guard.ts'
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
  let agent: Promise<Agent> | undefined
  return {
    check: gate.check,
    async send(request) {
      agent ??= agentBehind(gate, options)
      return send(await agent, request)
    },
    close: async () => (await agent)?.destroy(),
  }
}

async function agentBehind(gate: Guard, { connectMs = 5_000 }: OutboundOptions): Promise<Agent> {
  // Many servers have no webhook, and need nothing of undici.
  const { Agent, buildConnector } = await import('../undici-agent.ts')
  const connect = buildConnector({ timeout: connectMs, allowH2: false, lookup: gate.lookupOpen })
  return new Agent({
    // A kept connection may be closed under the next request, which must not be sent twice without being asked.
    pipelining: 0,
    connect: (to, callback) => {
      // An address in the URL is not looked up.
      if (gate.mayBeAsked(to.hostname)) connect(to, callback)
      else callback(refused('url'), null)
    },
  })
}

import type { ErrorCode } from '#errors/index.ts'
import type { Upstream } from '../upstream-simulator.ts'
import type { Reply, Strike } from './delivery.ts'

export type FaultName =
  | 'connect refused'
  | 'connect hang'
  | 'TLS failure'
  | '401'
  | '429 with Retry-After'
  | '429 without Retry-After'
  | '500'
  | '503'
  | '200 with HTML'
  | 'headers then silence'
  | 'first token late'
  | 'stall'
  | 'reset'
  | 'end without finish'
  | 'malformed JSON'
  | 'torn UTF-8 and frames'
  | 'error object in 200'
  | 'usage missing'
  | 'usage negative'
  | 'usage twice'

export interface Fault {
  name: FaultName
  /** The AppError code it must come to; `ok`: the whole answer must be right in spite of it. */
  outcome: ErrorCode | 'ok'
  /** Whether it can strike before the first token, and whether after some. */
  before: boolean
  after: boolean
  /**
   * Arms the next request; resolves with the origin to call (`sim.endpoint(vendor, origin)`). `after`: deltas that come
   * first (default 0). `reply`: the answer that is spoilt.
   */
  arm(sim: Upstream, options?: { after?: number; reply?: Reply }): Promise<string>
}

/** Seconds in the Retry-After of `429 with Retry-After`. */
export const retryAfterSeconds = 2

function inAnswer(
  name: FaultName,
  outcome: Fault['outcome'],
  strike: Strike,
  where: 'before' | 'after' | 'both',
): Fault {
  return {
    name,
    outcome,
    before: where !== 'after',
    after: where !== 'before',
    async arm(sim, { after = 0, reply = {} } = {}) {
      sim.script({ ...reply, strike, after })
      return sim.origin
    },
  }
}

function harmless(name: FaultName, spoilt: Reply): Fault {
  return {
    name,
    outcome: 'ok',
    before: true,
    after: false,
    async arm(sim, { reply = {} } = {}) {
      sim.script({ ...reply, ...spoilt })
      return sim.origin
    },
  }
}

function inConnecting(name: FaultName, outcome: ErrorCode, arm: Fault['arm']): Fault {
  return { name, outcome, before: true, after: false, arm }
}

function status(name: FaultName, outcome: ErrorCode, code: number, headers: Record<string, string> = {}): Fault {
  return inAnswer(name, outcome, { kind: 'status', status: code, headers }, 'before')
}

/** The sixteen upstream faults of docs, some in two or three kinds. A fault test loops over them. */
export const faults: readonly Fault[] = [
  inConnecting('connect refused', 'upstream-unreachable', (sim) => sim.closedOrigin()),
  inConnecting('connect hang', 'upstream-timeout', (sim) => sim.blackhole()),
  inConnecting('TLS failure', 'upstream-unreachable', async (sim) => sim.origin.replace('http:', 'https:')),
  status('401', 'upstream-auth', 401),
  status('429 with Retry-After', 'upstream-rate-limited', 429, { 'retry-after': String(retryAfterSeconds) }),
  status('429 without Retry-After', 'upstream-rate-limited', 429),
  status('500', 'upstream-overloaded', 500),
  status('503', 'upstream-overloaded', 503),
  inAnswer('200 with HTML', 'upstream-malformed', { kind: 'html' }, 'before'),
  inAnswer('headers then silence', 'upstream-timeout', { kind: 'silence' }, 'before'),
  inAnswer('first token late', 'upstream-timeout', { kind: 'stall' }, 'before'),
  inAnswer('stall', 'upstream-timeout', { kind: 'stall' }, 'after'),
  inAnswer('reset', 'upstream-unreachable', { kind: 'reset' }, 'both'),
  inAnswer('end without finish', 'upstream-malformed', { kind: 'cut' }, 'both'),
  inAnswer('malformed JSON', 'upstream-malformed', { kind: 'malformed' }, 'both'),
  harmless('torn UTF-8 and frames', { tear: 1 }),
  inAnswer('error object in 200', 'upstream-overloaded', { kind: 'error' }, 'both'),
  harmless('usage missing', { usage: 'missing' }),
  harmless('usage negative', { usage: 'negative' }),
  harmless('usage twice', { usage: 'twice' }),
]

import type { Agent as AgentOfUndici, buildConnector as buildConnectorOfUndici } from 'undici'
// @ts-expect-error undici types its index only
import bareConnector from 'undici/lib/core/connect.js'
// @ts-expect-error undici types its index only
import bare from 'undici/lib/dispatcher/agent.js'

/** undici's Agent without the rest of undici: fetch, caches and mocks are 900 KB of source that no request of ours runs. */
export const Agent = bare as typeof AgentOfUndici

/** How undici makes connections, for who wants a say in it. */
export const buildConnector = bareConnector as typeof buildConnectorOfUndici

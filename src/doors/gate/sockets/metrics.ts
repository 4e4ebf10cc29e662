import type { Counter, Metrics } from '#lib/metrics.ts'
import type { Crowd } from './crowd.ts'
import type { DoorFigures } from './room.ts'

/** Close codes that peers use; a peer may make up others, and each would be a metric of its own. */
const usualCodes = new Set([1000, 1001, 1005, 1006])

/** What is open and what went through it. Returns the counter of closes, by door and reason. */
export function socketMetrics(
  metrics: Metrics,
  counted: { doors: Map<string, DoorFigures>; addresses: Crowd; owners: Crowd },
): Counter {
  const { doors, addresses, owners } = counted
  metrics.gauge('parley_sockets_open', 'Open sockets.', ['door'], () =>
    [...doors].map(([door, { open }]) => [open, door]),
  )
  metrics.total('parley_socket_frames_total', 'Frames of sockets.', ['door', 'direction'], () =>
    [...doors].flatMap(([door, { framesIn, framesOut, framesDropped }]) => [
      [framesIn, door, 'in'],
      [framesOut, door, 'out'],
      [framesDropped, door, 'dropped'],
    ]),
  )
  metrics.gauge('parley_socket_owners', 'Addresses and users that have open sockets.', ['of'], () => [
    [addresses.size(), 'address'],
    [owners.size(), 'user'],
  ])
  return metrics.counter('parley_socket_closes_total', 'Closed sockets, by why.', ['door', 'reason'])
}

/** The name of a close that was not ours. */
export function closedBy(code: number): string {
  return usualCodes.has(code) ? `peer-${code}` : 'peer-other'
}

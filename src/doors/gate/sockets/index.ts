/**
 * The plumbing under every WebSocket: upgrade, who may, limits, backpressure, heartbeat, what is open. The rules are
 * told in docs/SOCKETS.md; no door's frames are known here.
 */

export { parseJson, parseJsonObject } from './json-frame.ts'
export { socketOwner, socketPrincipal } from './principal.ts'
export { type FrameEncoder, type Showing, type ShownTurn, showTurn } from './show-turn.ts'
export { type Server as SocketServer, type SocketsDeps, sockets } from './sockets.ts'
export type {
  Presence,
  Socket,
  SocketHandlers,
  SocketRequest,
  SocketRoute,
  SocketStats,
  Sockets,
} from './types.ts'

/** Framing and backpressure: SSE frames, sinks, heartbeats. Knows bytes and sockets, never what they mean. */
export { type PumpOptions, pump, type Sink } from './pump.ts'
export { keepAlive, responseSink } from './response-sink.ts'
export { heartbeat, socketSink } from './socket.ts'
export { sseFrame, sseHeaders, ssePing } from './sse.ts'

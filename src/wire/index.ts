/** Framing and backpressure: SSE frames, lines of JSON, sinks, heartbeats. Knows bytes and sockets, never what they mean. */
export { ndjsonHeaders, ndjsonLine } from './ndjson.ts'
export { atMost, type PumpOptions, pump, type Sink } from './pump.ts'
export { keepAlive, responseSink } from './response-sink.ts'
export { type Beating, drained, type Wheel, wheel } from './socket.ts'
export { sseFrame, sseHeaders, ssePing } from './sse.ts'

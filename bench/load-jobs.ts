/** What the driver asks of the load generator, and what it gets back; plain data, because it crosses a process border. */
import type { Percentiles } from './statistics.ts'

/** Where load goes: the port of the mock, of the baseline or of the gateway on 127.0.0.1. */
export type Target = { port: number; key: string }

export type RequestsJob = {
  kind: 'requests'
  target: Target
  concurrency: number
  bodyBytes: number
  durationMs: number
}
export type RequestsResult = {
  requests: number
  errors: number
  firstError?: string
  perSecond: number
  latencyMs: Percentiles
}

export type PacedModel = 'paced' | 'clocked'
export type StreamsJob = {
  kind: 'streams'
  target: Target
  model: PacedModel
  concurrency: number
  durationMs: number
}
export type StreamsResult = {
  streams: number
  /** Frames with text in them that arrived. */
  contentFrames: number
  errors: number
  firstError?: string
  firstTokenMs: Percentiles
  gapMs: Percentiles
  /** From the mock's sending to here; of `clocked` only. */
  delayMs: Percentiles
}

/** Answers over NodeTool's socket. */
export type SocketStreamsJob = {
  kind: 'socket-streams'
  target: Target
  model: PacedModel
  encoding: 'json' | 'messagepack'
  concurrency: number
  durationMs: number
}
export type SocketStreamsResult = {
  streams: number
  contentFrames: number
  errors: number
  firstError?: string
  delayMs: Percentiles
}

/** Opens `hold` streams or idle WebSockets and keeps them until `release`. */
export type OpenJob =
  | { kind: 'hold'; target: Target; count: number }
  | { kind: 'sockets'; target: Target; count: number; token: string }
export type OpenResult = { open: number; errors: number; firstError?: string }

export type Job = RequestsJob | StreamsJob | SocketStreamsJob | OpenJob | { kind: 'release' }

export type ResultOf<J extends Job> = J extends RequestsJob
  ? RequestsResult
  : J extends StreamsJob
    ? StreamsResult
    : J extends SocketStreamsJob
      ? SocketStreamsResult
      : J extends OpenJob
        ? OpenResult
        : Record<string, never>

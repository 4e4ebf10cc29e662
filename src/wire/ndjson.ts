/** Newline-delimited JSON: framing only. It has no comments, so a silent stream stays silent. */

export const ndjsonHeaders = {
  'content-type': 'application/x-ndjson',
  'cache-control': 'no-cache, no-transform',
  // nginx would otherwise hold the stream back until its buffer is full.
  'x-accel-buffering': 'no',
} as const

export function ndjsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

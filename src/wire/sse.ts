/** Server-sent events: framing only. Nothing here knows what is being sent. */

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx would otherwise hold the stream back until its buffer is full.
  'x-accel-buffering': 'no',
} as const

/** One frame. `data` must not contain line breaks: JSON never does. */
export function sseFrame(data: string, options: { event?: string; id?: string | number } = {}): string {
  const event = options.event === undefined ? '' : `event: ${options.event}\n`
  const id = options.id === undefined ? '' : `id: ${options.id}\n`
  return `${id}${event}data: ${data}\n\n`
}

/** Keeps proxies from closing a silent stream; clients ignore comments. */
export const ssePing = ': ping\n\n'

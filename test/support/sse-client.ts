/** A client of server-sent events that a test leads frame by frame. */
export interface SseFrame {
  /** `message` when the frame names none. */
  event: string
  data: string
  id?: string
}

export interface SseClient {
  status: number
  headers: Headers
  /** Everything read so far. */
  frames: SseFrame[]
  /** The next frame; undefined when the stream has ended. Rejects when the connection broke. */
  next(): Promise<SseFrame | undefined>
  /** Reads up to the first frame that `accept` takes. Rejects when the stream ends before it. */
  until(accept: (frame: SseFrame) => boolean): Promise<SseFrame>
  /** Reads to the end and gives every frame of the stream. */
  all(): Promise<SseFrame[]>
  /** Reads until the connection ends, however it ends. */
  untilGone(): Promise<void>
  /** The whole body as JSON: for an answer that is no stream. */
  body(): Promise<unknown>
  /** Closes the connection. */
  leave(): void
}

/** Resolves when the answer's head is there. */
export async function openSse(url: string, init: RequestInit = {}): Promise<SseClient> {
  const controller = new AbortController()
  const response = await fetch(url, { ...init, signal: controller.signal })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const frames: SseFrame[] = []
  let unread = 0
  let buffer = ''

  async function next(): Promise<SseFrame | undefined> {
    while (unread === frames.length) {
      const { done, value } = await reader.read()
      if (done) return undefined
      buffer += value
      const pieces = buffer.split('\n\n')
      buffer = pieces.pop()!
      for (const piece of pieces) {
        const frame = toFrame(piece)
        if (frame) frames.push(frame)
      }
    }
    return frames[unread++]
  }

  async function all(): Promise<SseFrame[]> {
    while (await next());
    return frames
  }

  return {
    status: response.status,
    headers: response.headers,
    frames,
    next,
    async until(accept) {
      for (let frame = await next(); frame; frame = await next()) if (accept(frame)) return frame
      const tail = `${JSON.stringify(frames.slice(-5))} ${buffer.slice(0, 500)}`
      throw new Error(`the stream (status ${response.status}) ended before the frame that was waited for: ${tail}`)
    },
    all,
    untilGone: () =>
      all().then(
        () => undefined,
        () => undefined,
      ),
    async body() {
      await all()
      return JSON.parse(buffer)
    },
    leave: () => controller.abort(),
  }
}

/** Streams POST a JSON body. */
export function postSse(url: string, headers: Record<string, string>, body: object): Promise<SseClient> {
  return openSse(url, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The text that chat completion chunks carry. */
export function chunkText(frames: readonly SseFrame[]): string {
  let text = ''
  for (const { event, data } of frames) {
    if (event !== 'message' || data === '[DONE]') continue
    const chunk = JSON.parse(data) as { choices?: { delta?: { content?: string } }[] }
    text += chunk.choices?.[0]?.delta?.content ?? ''
  }
  return text
}

/** The text that the frames of /turns/{id}/events come to, on top of what their reader has: a reset replaces it. */
export function eventText(frames: readonly SseFrame[], had = ''): string {
  let text = had
  for (const { event, data } of frames) {
    if (event !== 'text-delta' && event !== 'part-reset') continue
    const said = (JSON.parse(data) as { event: { text: string } }).event.text
    text = event === 'part-reset' ? said : text + said
  }
  return text
}

function toFrame(piece: string): SseFrame | undefined {
  const frame: SseFrame = { event: 'message', data: '' }
  const data: string[] = []
  for (const line of piece.split('\n')) {
    const colon = line.indexOf(': ')
    const value = line.slice(colon + 2)
    if (line.startsWith('data:')) data.push(value)
    else if (line.startsWith('event:')) frame.event = value
    else if (line.startsWith('id:')) frame.id = value
  }
  // Only a comment.
  if (data.length === 0) return undefined
  frame.data = data.join('\n')
  return frame
}

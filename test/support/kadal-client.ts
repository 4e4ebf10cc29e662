import type { Story } from './story.ts'

/** A line of Kadal's stream. */
export interface KadalLine {
  status_code: number
  message: string
  session_id?: null
  query_response_id?: string
  finish_reason: string
  error?: string
}

export interface KadalAnswer {
  status: number
  headers: Headers
  /** Everything read so far. */
  lines: KadalLine[]
  /** The next line; undefined at the end. */
  next(): Promise<KadalLine | undefined>
  /** Reads to the end. */
  all(): Promise<KadalLine[]>
  leave(): void
}

/** What Python's requests send besides what the document's examples set. */
export const pythonHeaders = {
  'user-agent': 'python-requests/2.32.3',
  'accept-encoding': 'gzip, deflate',
  accept: '*/*',
}

/** JSON with the spaces that Python's json.dumps puts. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}: ${pythonJson(field)}`).join(', ')}}`
}

/** Posts as the document's Python examples do; `params` as requests write them: True, None left out. */
export async function postKadal(
  story: Story,
  path: string,
  params: Record<string, string | number | boolean | undefined>,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<KadalAnswer> {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    if (value !== undefined) query.set(name, typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value))
  const leaving = new AbortController()
  const response = await fetch(`${story.parley.url}/aiwb/chat/api${path}?${query}`, {
    method: 'POST',
    headers: {
      ...pythonHeaders,
      authorization: story.parley.headers.authorization!,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body !== undefined && { body: pythonJson(body) }),
    signal: leaving.signal,
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const lines: KadalLine[] = []
  let unread = 0
  let buffer = ''

  async function next(): Promise<KadalLine | undefined> {
    while (unread === lines.length) {
      const { done, value } = await reader.read()
      if (done && buffer !== '') throw new Error(`the stream ended within a line: ${buffer}`)
      if (done) return undefined
      buffer += value
      const pieces = buffer.split('\n')
      buffer = pieces.pop()!
      lines.push(...pieces.map((piece) => JSON.parse(piece) as KadalLine))
    }
    return lines[unread++]
  }

  return {
    status: response.status,
    headers: response.headers,
    lines,
    next,
    async all() {
      while (await next());
      return lines
    },
    leave: () => leaving.abort(),
  }
}

/** Asks a bot and reads the whole answer. */
export async function askBot(
  story: Story,
  bot: string,
  message: string,
  options: {
    params?: Record<string, string | number | boolean | undefined>
    body?: object
    headers?: Record<string, string>
  } = {},
): Promise<{ status: number; headers: Headers; lines: KadalLine[]; text: string; id: string }> {
  const body = { message, is_tool_calling: false, metadata: { category: 'chat' }, ...options.body }
  const answer = await postKadal(story, `/v7/${bot}/stream`, options.params ?? {}, body, options.headers)
  const lines = await answer.all()
  const text = lines
    .filter(({ finish_reason, message: said }) => finish_reason === 'streaming' || said !== '#')
    .map(({ message: said }) => said)
    .join('')
  return { status: answer.status, headers: answer.headers, lines, text, id: lines[0]?.query_response_id ?? '' }
}

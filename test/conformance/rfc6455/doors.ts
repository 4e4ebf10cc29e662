import type { RunningParley } from '#test/support/parley.ts'
import { opcodes, type ServerFrame } from '#test/support/raw-frames.ts'

/** What this suite must know of a path that speaks WebSocket. */
export interface Door {
  name: string
  /** Of a conversation that nobody else is in. */
  path(): string
  headers(parley: RunningParley): Record<string, string>
  /** Types of the frames that it says unasked when a connection stands. */
  hello: readonly string[]
  /** A short message of text with characters of several bytes, and the type of the one frame that answers it. */
  question: string
  answer: string
  /** The type of the one frame that answers a text that is no message. */
  junkAnswer: string
  /** The type of the one frame that answers a binary message of bytes that mean nothing. */
  bytesAnswer: string
  typeOf(frame: ServerFrame): string
  /** A message to a model that repeats it. */
  chat(parley: RunningParley, content: string): Promise<string>
}

let conversations = 0

/** Every socket of the server takes its frames by the same code; those that talk stand for all. */
export const doors: readonly Door[] = [
  {
    name: '/ws/chat',
    path: () => `/ws/chat/rfc6455-${++conversations}`,
    headers: () => ({}),
    hello: ['connected'],
    question: '{"type":"ping","say":"é👋"}',
    answer: 'pong',
    junkAnswer: 'error',
    bytesAnswer: 'error',
    typeOf: typeOfJson,
    chat: async (parley, content) => JSON.stringify({ type: 'chat', content, application_id: await firstApp(parley) }),
  },
]

function typeOfJson({ opcode, payload }: ServerFrame): string {
  if (opcode !== opcodes.text) throw new Error('a JSON frame is text')
  return (JSON.parse(payload.toString()) as { type: string }).type
}

/** The app that the first start made. */
async function firstApp({ url, headers }: RunningParley): Promise<string> {
  const answer = await fetch(`${url}/api/v1/applications`, { headers })
  const { data } = (await answer.json()) as { data: { id: string }[] }
  return data[0]!.id
}

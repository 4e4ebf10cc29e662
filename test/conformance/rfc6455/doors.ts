import { decode, encode } from '@msgpack/msgpack'
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
  /** The same as bytes, where a door takes bytes. */
  bytesQuestion?: Uint8Array
  /** The type of the one frame that answers a text that is no message, or bytes that are none. */
  junkAnswer: string
  bytesAnswer: string
  typeOf(frame: ServerFrame): string
  /** A message to a model that repeats it. */
  chat(parley: RunningParley, content: string): Promise<string>
  /** Why a bad token is closed with 1008. */
  refusal: string
}

let conversations = 0
const question = { type: 'ping', say: 'é👋' }

/** Every socket of the server takes its frames by the same code; those that talk stand for all. */
export const doors: readonly Door[] = [
  {
    name: '/ws/chat',
    path: () => `/ws/chat/rfc6455-${++conversations}`,
    headers: () => ({}),
    hello: ['connected'],
    question: JSON.stringify(question),
    answer: 'pong',
    junkAnswer: 'error',
    bytesAnswer: 'error',
    typeOf: (frame) => {
      if (frame.opcode !== opcodes.text) throw new Error('/ws/chat speaks text')
      return typeOf(frame)
    },
    chat: async (parley, content) => JSON.stringify({ type: 'chat', content, application_id: await firstApp(parley) }),
    refusal: 'Invalid token',
  },
  {
    name: '/chat',
    path: () => '/chat',
    headers: ({ key }) => ({ authorization: `Bearer ${key}` }),
    hello: [],
    question: JSON.stringify(question),
    answer: 'pong',
    bytesQuestion: encode(question),
    junkAnswer: 'error',
    bytesAnswer: 'error',
    typeOf,
    chat: async (_, content) => JSON.stringify({ type: 'message', role: 'user', content, model: 'gpt-sim' }),
    refusal: 'Invalid authentication',
  },
]

/** Text is JSON, bytes are MessagePack. */
function typeOf({ opcode, payload }: ServerFrame): string {
  const frame = opcode === opcodes.text ? JSON.parse(payload.toString()) : decode(payload)
  return (frame as { type: string }).type
}

/** The app that the first start made. */
async function firstApp({ url, headers }: RunningParley): Promise<string> {
  const answer = await fetch(`${url}/api/v1/applications`, { headers })
  const { data } = (await answer.json()) as { data: { id: string }[] }
  return data[0]!.id
}

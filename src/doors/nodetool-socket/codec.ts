import { Decoder, Encoder } from '@msgpack/msgpack'
import { invalid } from '#errors/index.ts'
import { parseJson } from '../gate/sockets/index.ts'
import { deepest, mostValues, scan } from './scan.ts'

/** A map as it stands on the wire. */
export type Fields = Record<string, unknown>

/**
 * A frame that is most of what is sent: a piece of text. `head` is the same object for all pieces of a part, so that its
 * bytes are made once.
 */
export interface Delta {
  head: Fields
  content: string
  seq: number
}

export type Frame = Fields | Delta

export type Mode = 'binary' | 'text'

const decoder = new Decoder()
const encoder = new Encoder({ ignoreUndefined: true, maxDepth: deepest + 8 })

/** One frame of a client → its fields: text is JSON, bytes are MessagePack. Throws `invalid-request` naming `frame`. */
export function decodeBytes(data: string | Buffer): Fields {
  const frame = typeof data === 'string' ? json(data) : messagePack(data)
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame) || frame instanceof Uint8Array)
    throw invalid('frame', 'The frame must be an object', 'malformed')
  return frame as Fields
}

function json(text: string): unknown {
  const frame = parseJson(text, { depth: deepest, values: mostValues })
  check(frame, deepest)
  return frame
}

/** As `scan` is for MessagePack. */
function check(value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) throw invalid('frame', 'The frame is nested too deeply', 'malformed')
  if (Object.hasOwn(value, '__proto__')) throw invalid('frame', 'The frame has a key that is not allowed', 'malformed')
  for (const one of Object.values(value)) check(one, levels - 1)
}

function messagePack(bytes: Buffer): unknown {
  scan(bytes)
  return decoder.decode(bytes)
}

/** The frame as one object. */
export function whole(frame: Frame): Fields {
  return isDelta(frame) ? { ...frame.head, content: frame.content, seq: frame.seq } : frame
}

export function encodeBytes(frame: Frame, mode: Mode): string | Uint8Array {
  if (isDelta(frame)) return mode === 'text' ? deltaText(frame) : deltaBytes(frame)
  return mode === 'text' ? JSON.stringify(frame) : encoder.encode(sound(frame, 0))
}

function isDelta(frame: Frame): frame is Delta {
  return frame.head !== undefined
}

const textHeads = new WeakMap<Fields, string>()
const byteHeads = new WeakMap<Fields, Buffer>()

function deltaText({ head, content, seq }: Delta): string {
  let start = textHeads.get(head)
  if (start === undefined) {
    start = `${JSON.stringify(head).slice(0, -1)},"content":`
    textHeads.set(head, start)
  }
  return `${start}${JSON.stringify(content)},"seq":${seq}}`
}

const contentKey = encoder.encode('content')
const seqKey = encoder.encode('seq')
const uint32 = 0xce
/** Head byte and four bytes of length, at most. */
const longestTextHead = 5

function deltaBytes({ head, content, seq }: Delta): Uint8Array {
  let start = byteHeads.get(head)
  if (!start) {
    start = deltaStart(head)
    byteHeads.set(head, start)
  }
  const length = Buffer.byteLength(content)
  const bytes = Buffer.allocUnsafe(start.length + longestTextHead + length + seqKey.length + 5)
  start.copy(bytes)
  let at = writeTextHead(bytes, start.length, length)
  at += bytes.write(content, at)
  bytes.set(seqKey, at)
  at += seqKey.length
  bytes[at] = uint32
  at = bytes.writeUInt32BE(seq, at + 1)
  return bytes.subarray(0, at)
}

/** The bytes of a map of all these fields and two more, up to the first of the two's value. */
function deltaStart(head: Fields): Buffer {
  const count = Object.keys(head).length
  // The head of a map of up to 15 is one byte; a chunk has fewer fields.
  const fields = encoder.encode(sound(head, 0)).subarray(1)
  return Buffer.concat([Buffer.of(0x80 | (count + 2)), fields, contentKey])
}

function writeTextHead(bytes: Buffer, at: number, length: number): number {
  if (length < 32) return bytes.writeUInt8(0xa0 | length, at)
  if (length < 0x100) return bytes.writeUInt8(length, bytes.writeUInt8(0xd9, at))
  if (length < 0x10000) return bytes.writeUInt16BE(length, bytes.writeUInt8(0xda, at))
  return bytes.writeUInt32BE(length, bytes.writeUInt8(0xdb, at))
}

/**
 * What every MessagePack reader takes: no half characters, no numbers that are none, no key that would be a prototype,
 * nothing without an end.
 */
function sound(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) return null
  if (Array.isArray(value)) return value.map((item) => sound(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) =>
      name === '__proto__' ? [] : [[name.toWellFormed(), sound(one, depth + 1)]],
    ),
  )
}

/** In which encoding a client is spoken to. */
export interface Speech {
  readonly mode: Mode
  /** A frame of the client's came in this encoding. */
  heard(mode: Mode): void
  /** The client asked for this one. */
  force(mode: Mode): void
}

/**
 * Binary until the client has spoken, then as it last spoke. A client that asked for a mode gets it for as long as it
 * speaks as it did when it asked.
 */
export function speech(): Speech {
  let mode: Mode = 'binary'
  let last: Mode | undefined
  return {
    get mode() {
      return mode
    },
    heard(spoken) {
      if (spoken !== last) mode = spoken
      last = spoken
    },
    force(asked) {
      mode = asked
    },
  }
}

/** WebSocket frames byte by byte (RFC 6455 §5.2), right or wrong: what no library would send. */

export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const

/** The reserved bits as `rsv` counts them. */
export const rsv1 = 4

export interface FrameParts {
  opcode: number
  payload?: string | Uint8Array
  /** Default: true. */
  fin?: boolean
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. */
  rsv?: number
  /** Four bytes; null: not masked, as only a server may send. */
  mask?: Uint8Array | null
  /** Width of the length; default: the shortest that holds it. */
  lengthBits?: 7 | 16 | 64
  /** What the length field says, when that is not the truth. */
  claims?: number | bigint
}

const usualMask = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d)

/** The bytes of one frame. */
export function frame(parts: FrameParts): Buffer {
  const { opcode, fin = true, rsv = 0, mask = usualMask } = parts
  const payload = Buffer.from((parts.payload ?? '') as Uint8Array)
  const length = BigInt(parts.claims ?? payload.length)
  const bits = parts.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64)
  const masked = mask ? 0x80 : 0
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10)
  head[0] = first
  if (bits === 7) head[1] = masked | Number(length)
  else if (bits === 16) {
    head[1] = masked | 126
    head.writeUInt16BE(Number(length), 2)
  } else {
    head[1] = masked | 127
    head.writeBigUInt64BE(length, 2)
  }
  return mask ? Buffer.concat([head, mask, maskedWith(mask, payload)]) : Buffer.concat([head, payload])
}

function maskedWith(mask: Uint8Array, payload: Uint8Array): Buffer {
  const out = Buffer.from(payload)
  for (let i = 0; i < out.length; i++) out[i]! ^= mask[i & 3]!
  return out
}

type More = Omit<FrameParts, 'opcode' | 'payload'>
export const text = (payload: string | Uint8Array, more: More = {}) => frame({ opcode: opcodes.text, payload, ...more })
export const binary = (payload: string | Uint8Array, more: More = {}) =>
  frame({ opcode: opcodes.binary, payload, ...more })
export const continuation = (payload: string | Uint8Array, more: More = {}) =>
  frame({ opcode: opcodes.continuation, payload, ...more })
export const ping = (payload: string | Uint8Array = '', more: More = {}) =>
  frame({ opcode: opcodes.ping, payload, ...more })
export const pong = (payload: string | Uint8Array = '', more: More = {}) =>
  frame({ opcode: opcodes.pong, payload, ...more })
/** Without a code the payload is empty, as it may be. */
export const close = (code?: number, reason: string | Uint8Array = '', more: More = {}) =>
  frame({ opcode: opcodes.close, payload: code === undefined ? '' : closePayload(code, reason), ...more })

export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason as Uint8Array)])
}

/** One message cut into as many frames as it has pieces. */
export function fragments(opcode: number, pieces: readonly (string | Uint8Array)[], more: More = {}): Buffer[] {
  const last = pieces.length - 1
  return pieces.map((payload, index) =>
    frame({ ...more, opcode: index === 0 ? opcode : opcodes.continuation, payload, fin: index === last }),
  )
}

/** A frame of the server. */
export interface ServerFrame {
  opcode: number
  payload: Buffer
  compressed: boolean
}

/**
 * Reads what a server sends and holds it to the RFC: throws for a masked frame, a reserved bit that was not agreed on, a length
 * that could be shorter, a long or cut control frame, an unknown opcode, a broken row of fragments, and anything after a close.
 */
export function serverFrames(agreed: { deflate: boolean }): (chunk: Uint8Array) => ServerFrame[] {
  let rest: Buffer = Buffer.alloc(0)
  let inMessage = false
  let closed = false

  function read(): ServerFrame | undefined {
    if (rest.length < 2) return undefined
    const [first, second] = [rest[0]!, rest[1]!]
    const { length, at } = readLength(rest)
    if (at === undefined || rest.length < at + length) return undefined
    const payload = rest.subarray(at, at + length)
    rest = rest.subarray(at + length)
    const found = { opcode: first & 0x0f, payload, compressed: (first & 0x40) !== 0 }
    check(first, second, found)
    return found
  }

  function check(first: number, second: number, { opcode, payload, compressed }: ServerFrame): void {
    const fin = (first & 0x80) !== 0
    const control = opcode >= 8
    if (closed) throw new Error('the server sent something after its close frame')
    if (second & 0x80) throw new Error('the server masked a frame')
    if (first & 0x30) throw new Error('the server set RSV2 or RSV3')
    if (compressed && (!agreed.deflate || control || opcode === 0)) throw new Error('the server set RSV1 wrongly')
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) throw new Error(`the server sent opcode ${opcode}`)
    if (control && (!fin || payload.length > 125)) throw new Error('the server sent a long or cut control frame')
    if (opcode === 8) {
      if (payload.length === 1) throw new Error('the server sent half a close code')
      closed = true
    }
    if (control) return
    if (inMessage !== (opcode === 0)) throw new Error('the server broke its row of fragments')
    inMessage = !fin
  }

  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const found: ServerFrame[] = []
    for (let next = read(); next; next = read()) found.push(next)
    return found
  }
}

/** The length of the frame at the start, and where its payload begins; `at` is undefined while that is not known. */
function readLength(bytes: Buffer): { length: number; at: number | undefined } {
  const short = bytes[1]! & 0x7f
  if (short < 126) return { length: short, at: 2 }
  const at = short === 126 ? 4 : 10
  if (bytes.length < at) return { length: 0, at: undefined }
  const length = short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (length < (short === 126 ? 126 : 65_536)) throw new Error('the server wrote a length longer than needed')
  return { length, at }
}

import { decimalOf } from '../decimal.ts'
import { token } from '../http-token.ts'
import { HttpFault } from './fault.ts'

/** By lower-case name; what came several times is joined with commas. */
export type AnswerHeaders = Record<string, string>

/** Who is told of an answer. `bytes` are a piece of what was read, not a copy. */
export interface AnswerTaker {
  onHead(status: number, headers: AnswerHeaders): void
  onBody(bytes: Buffer): void
}

/** Bytes that may stand in a head, in the line before a chunk, and behind the last one. */
const headLimit = 64 * 1024
const sizeLineLimit = 4 * 1024
const trailerLimit = 64 * 1024
/** More could not be told apart as a number, and nobody waits for it. */
const sizeDigits = 12

const cr = 13
const lf = 10
const semicolon = 59
const space = 32
const tab = 9

type State = 'head' | 'size' | 'extension' | 'chunk' | 'chunk-end' | 'trailer' | 'counted' | 'until-close' | 'over'

/**
 * Reads one answer of HTTP/1.1 (RFC 9112) out of bytes that may be cut anywhere. What the framing leaves in doubt is an
 * error, never a guess: two lengths, a length beside chunks, a size that is none.
 */
export class AnswerParser {
  /** Whether the other side lets the connection be used again when this answer is over. */
  isKept = false
  /** Seconds that it keeps it, where it says so. */
  keptSeconds: number | undefined
  private readonly taker: AnswerTaker
  private state: State = 'head'
  /** Of the head: what came without its end. */
  private carry: Buffer | undefined
  /** Bytes of the body, or of the chunk, that are still to come. */
  private left = 0
  /** Digits of a size, or characters of a trailer's line, in the present line. */
  private inLine = 0
  /** Bytes of an extension, or of the whole trailer. */
  private seen = 0
  private sawCr = false

  constructor(taker: AnswerTaker) {
    this.taker = taker
  }

  get isOver(): boolean {
    return this.state === 'over'
  }

  /** Gives how many of the bytes belong to the answer: less than all only when it is over. Throws HttpFault. */
  read(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.state !== 'over') at = this.step(bytes, at)
    return at
  }

  /** Nothing will follow. Throws HttpFault when something should have. */
  close(): void {
    if (this.state === 'until-close') this.state = 'over'
    if (this.state !== 'over') throw new HttpFault('CLOSED', 'The connection was closed in the middle of an answer')
  }

  /** Reads on from `at` in the present state; gives how far it came. */
  private step(bytes: Buffer, at: number): number {
    switch (this.state) {
      case 'head':
        return this.readHead(bytes, at)
      case 'size':
        return this.readSize(bytes, at)
      case 'extension':
        return this.skipExtension(bytes, at)
      case 'chunk':
      case 'counted':
        return this.readCounted(bytes, at)
      case 'chunk-end':
        return this.readChunkEnd(bytes, at)
      case 'trailer':
        return this.skipTrailer(bytes, at)
      default:
        this.taker.onBody(at === 0 ? bytes : bytes.subarray(at))
        return bytes.length
    }
  }

  private readHead(bytes: Buffer, from: number): number {
    const before = this.carry
    const all = before ? Buffer.concat([before, bytes.subarray(from)]) : bytes
    const start = before ? 0 : from
    // Of what was there before, only the last three bytes can belong to the end.
    const end = all.indexOf('\r\n\r\n', before ? Math.max(0, before.length - 3) : from, 'latin1')
    if ((end < 0 ? all.length : end) - start > headLimit) throw malformed('The head of the answer is too long')
    if (end < 0) {
      if (!startsLikeHttp(all, start)) throw malformed('The answer is not HTTP')
      this.carry = all.subarray(start)
      return bytes.length
    }
    this.carry = undefined
    this.takeHead(all.toString('latin1', start, end))
    return end + 4 - (before ? before.length : 0)
  }

  private takeHead(head: string): void {
    const [, minor, digits] = statusLine.exec(head) ?? []
    if (digits === undefined) throw malformed('The answer is not HTTP')
    const status = decimalOf(digits, 3)!
    // What is only said in between: the answer follows.
    if (status >= 100 && status < 200 && status !== 101) return
    if (status === 101) throw malformed('The answer changes the protocol')
    const headers = headersOf(head)
    this.isKept = minor === '1'
    this.state = this.framing(status, headers)
    const { connection } = headers
    // As nearly everybody writes it; what else it may say is looked for only then.
    if (connection === 'keep-alive') this.isKept = true
    else if (connection !== undefined) {
      if (/(?:^|,)\s*close\s*(?:,|$)/i.test(connection)) this.isKept = false
      else if (/(?:^|,)\s*keep-alive\s*(?:,|$)/i.test(connection)) this.isKept = true
    }
    const hint = headers['keep-alive']
    if (hint !== undefined) this.keptSeconds = keptSecondsOf(hint)
    if (this.state === 'until-close') this.isKept = false
    this.taker.onHead(status, headers)
  }

  /** RFC 9112, 6.3. */
  private framing(status: number, headers: AnswerHeaders): State {
    if (status === 204 || status === 304) return 'over'
    const coding = headers['transfer-encoding']
    const length = headers['content-length']
    if (coding !== undefined) {
      if (length !== undefined) throw malformed('The answer has two lengths')
      if (coding.toLowerCase() !== 'chunked') throw malformed('The answer has an unknown transfer coding')
      this.beginSize()
      return 'size'
    }
    if (length === undefined) return 'until-close'
    const bytes = decimalOf(length, 15)
    if (bytes === undefined) throw malformed('The length of the answer is not a number')
    this.left = bytes
    return bytes === 0 ? 'over' : 'counted'
  }

  private readCounted(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.left)
    this.left -= to - from
    if (this.left === 0) {
      this.sawCr = false
      this.state = this.state === 'chunk' ? 'chunk-end' : 'over'
    }
    this.taker.onBody(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    return to
  }

  private beginSize(): void {
    this.left = 0
    this.inLine = 0
    this.seen = 0
    this.sawCr = false
  }

  private readSize(bytes: Buffer, from: number): number {
    let at = from
    for (; at < bytes.length; at++) {
      const digit = hexValue(bytes[at]!)
      if (digit < 0) break
      if (++this.inLine > sizeDigits) throw malformed('A chunk of the answer is too long')
      this.left = this.left * 16 + digit
    }
    if (at === bytes.length) return at
    if (this.inLine === 0) throw malformed('A chunk of the answer has no size')
    this.state = 'extension'
    const next = bytes[at]!
    if (next !== cr && next !== semicolon && next !== space && next !== tab)
      throw malformed('The size of a chunk is not a number')
    return at
  }

  /** Up to the end of the line; what a chunk says of itself is nobody's concern. */
  private skipExtension(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (this.sawCr) {
        if (byte !== lf) throw malformed('A line of the answer does not end')
        this.inLine = 0
        this.seen = 0
        this.sawCr = false
        this.state = this.left === 0 ? 'trailer' : 'chunk'
        return at + 1
      }
      if (byte === cr) this.sawCr = true
      else if (byte === lf || ++this.seen > sizeLineLimit) throw malformed('A line of the answer does not end')
    }
    return bytes.length
  }

  private readChunkEnd(bytes: Buffer, at: number): number {
    if (bytes[at] !== (this.sawCr ? lf : cr)) throw malformed('A chunk of the answer is longer than it says')
    if (this.sawCr) {
      this.beginSize()
      this.state = 'size'
    } else this.sawCr = true
    return at + 1
  }

  /** Lines up to an empty one. */
  private skipTrailer(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (++this.seen > trailerLimit) throw malformed('The end of the answer is too long')
      if (this.sawCr) {
        if (byte !== lf) throw malformed('A line of the answer does not end')
        this.sawCr = false
        if (this.inLine === 0) {
          this.state = 'over'
          return at + 1
        }
        this.inLine = 0
      } else if (byte === cr) this.sawCr = true
      else if (byte === lf) throw malformed('A line of the answer does not end')
      else this.inLine++
    }
    return bytes.length
  }
}

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: [^\r\n]*)?(?=\r\n|$)/

let lastHint = ''
let lastSeconds: number | undefined

/** `timeout=5` → 5. Servers say the same each time. */
function keptSecondsOf(hint: string): number | undefined {
  if (hint === lastHint) return lastSeconds
  const [, seconds] = /(?:^|,)\s*timeout=(\d{1,9})\s*(?:,|$)/i.exec(hint) ?? []
  lastHint = hint
  lastSeconds = seconds === undefined ? undefined : Number(seconds)
  return lastSeconds
}

/** Rubbish need not be waited for until it is as long as a head may be. */
function startsLikeHttp(bytes: Buffer, from: number): boolean {
  const start = 'HTTP/1.'
  const length = Math.min(start.length, bytes.length - from)
  return bytes.toString('latin1', from, from + length) === start.slice(0, length)
}

function headersOf(head: string): AnswerHeaders {
  const headers: AnswerHeaders = Object.create(null)
  for (let from = head.indexOf('\r\n') + 2; from > 1 && from < head.length; ) {
    const next = head.indexOf('\r\n', from)
    const end = next < 0 ? head.length : next
    const colon = head.indexOf(':', from)
    if (colon <= from || colon >= end) throw malformed('A header of the answer is none')
    const name = nameOf(head.slice(from, colon))
    const value = head.slice(colon + 1, end).trim()
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (name !== 'content-length') headers[name] = `${before}, ${value}`
    else if (before !== value) throw malformed('The answer has two lengths')
    from = end + 2
  }
  return headers
}

/** Names as servers write them → in lower case. There are few, and a token is not checked twice. */
const names = new Map<string, string>()

function nameOf(written: string): string {
  const known = names.get(written)
  if (known !== undefined) return known
  if (!token.test(written)) throw malformed('A header of the answer is none')
  const name = written.toLowerCase()
  if (names.size < 1_000) names.set(written, name)
  return name
}

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

function malformed(message: string): HttpFault {
  return new HttpFault('MALFORMED', message)
}

import {
  type Audience,
  type DeltaEvent,
  type Envelope,
  isDelta,
  type PartKind,
  type TurnEvent,
} from '#contracts/index.ts'
import { BatchSource } from '#lib/batches.ts'
import { extrasOf, hasExtras } from './delta-extras.ts'

/** Newest events kept as they were, for readers that are up to date. Older deltas live on in their part's text. */
const windowSize = 64

/** A reader that missed more text than this gets it in pieces: what a slow one is handed must fit into memory often. */
const pieceLength = 64 * 1024

/** What a reader may be shown. `caller` also sees what members see; `internal` sees all. */
export type Viewer = 'caller' | 'member' | 'internal'

interface LoggedPart {
  kind: PartKind
  text: string
  /** Pairs [seq, length of text after it], one a delta: where in the text a cursor stands. */
  marks: number[]
  /** Its part-start: merged deltas have its audience, path and time. */
  first: Envelope
  /** Deltas that carry more than text, with their seqs. */
  extras: { seq: number; event: DeltaEvent }[]
}

/**
 * The log of one running turn. Append-only; any number of readers, each with a cursor of its own. A reader that is
 * behind costs nothing: what it missed of a part is handed to it in one merged delta, cut out of the part's text
 * exactly where its cursor stands. Nothing is visible before `open()`.
 */
export class LiveLog {
  readonly turnId: string
  /** Everything but deltas, in order. */
  readonly entries: Envelope[] = []
  readonly parts = new Map<number, LoggedPart>()
  seq = 0
  readers = 0
  /** Called when the last reader leaves before the end. */
  onDeserted: (() => void) | undefined
  private readonly now: () => number
  private readonly tail: Envelope[] = []
  private waiting: Waiter[] = []
  private woken: Waiter[] = []
  private waking = false
  private visible = false
  private ended = false
  private failure: unknown

  constructor(turnId: string, now: () => number) {
    this.turnId = turnId
    this.now = now
  }

  append(event: TurnEvent, audience: Audience = 'members', path: readonly string[] = noPath): void {
    this.publish(this.draft(event, audience, path))
  }

  /** The next envelope, not yet in the log: the end of a turn is stored before anybody may see it. */
  draft(event: TurnEvent, audience: Audience = 'members', path: readonly string[] = noPath): Envelope {
    return { turnId: this.turnId, seq: this.seq + 1, at: this.now(), audience, path, event }
  }

  publish(envelope: Envelope): void {
    const { event } = envelope
    this.seq = envelope.seq
    if (isDelta(event)) this.grow(event, envelope)
    else {
      this.entries.push(envelope)
      if (event.type === 'part-start')
        this.parts.set(event.part, { kind: event.kind, text: '', marks: [], first: envelope, extras: [] })
    }
    this.tail.push(envelope)
    if (this.tail.length >= 2 * windowSize) this.tail.splice(0, windowSize)
    if (this.visible) this.wake()
  }

  /** The turn is on disk: readers may see it. */
  open(): void {
    this.visible = true
    this.wake()
  }

  /** No event will follow. */
  end(): void {
    this.ended = true
    this.wake()
  }

  /** The turn cannot be shown (its start or its end could not be stored): readers get this error instead. */
  fail(error: unknown): void {
    this.failure = error
    this.visible = true
    this.wake()
  }

  /** The failure is over (the end has been stored after all). */
  recover(): void {
    this.failure = undefined
  }

  reader(after: number, viewer: Viewer): LogReader {
    return new LogReader(this, after, viewer)
  }

  /**
   * What is visible after `cursor`: as it was while the window reaches back so far, else merged and, if it is much, only
   * the first piece of it. Empty only when there is nothing. A reader may break off after any of these events and come
   * back with its seq.
   */
  after(cursor: number): Envelope[] {
    if (!this.visible || cursor >= this.seq) return []
    const missed = this.seq - cursor
    if (missed <= this.tail.length) return this.tail.slice(this.tail.length - missed)
    return this.merge(cursor, this.endOfPiece(cursor), endOfRun)
  }

  /** What is visible of the whole log, merged. */
  snapshot(): Envelope[] {
    return this.visible ? this.compact(0) : []
  }

  /** The log after `cursor` with each part's deltas merged into one, in order of seq. Folds to the same state. */
  compact(cursor: number): Envelope[] {
    return this.merge(cursor, Number.POSITIVE_INFINITY, (_, to) => to)
  }

  /** The log after `cursor`, up to and with seq `until`; `endOf` says how far deltas are merged into one. */
  private merge(cursor: number, until: number, endOf: EndOfMerge): Envelope[] {
    const out = this.entries.filter((entry) => entry.seq > cursor && entry.seq <= until)
    for (const [part, logged] of this.parts) {
      const { marks, text, extras, first } = logged
      const to = marksUpTo(marks, until)
      let extra = extras.findIndex(({ seq }) => seq > cursor)
      for (let from = marksUpTo(marks, cursor); from < to; ) {
        const end = endOf(marks, to, from)
        const seq = marks[end - 2]!
        const merged: LoggedPart['extras'] = []
        while (extra >= 0 && extra < extras.length && extras[extra]!.seq <= seq) merged.push(extras[extra++]!)
        const piece = text.slice(from === 0 ? 0 : marks[from - 1]!, marks[end - 1]!)
        const event = { type: `${logged.kind}-delta`, part, text: piece, ...extrasOf(merged) } as TurnEvent
        out.push({ ...first, seq, event })
        from = end
      }
    }
    return inOrder(out)
  }

  /** The seq at which a piece that begins after `cursor` ends: where the first part has grown by a piece's length. */
  private endOfPiece(cursor: number): number {
    let until = Number.POSITIVE_INFINITY
    for (const { marks, text } of this.parts.values()) {
      const from = marksUpTo(marks, cursor)
      const seen = from === 0 ? 0 : marks[from - 1]!
      if (text.length - seen <= pieceLength) continue
      let end = from
      while (marks[end + 1]! - seen < pieceLength) end += 2
      until = Math.min(until, marks[end]!)
    }
    return until
  }

  /** @internal for LogReader: wakes it once, after something has changed. */
  wait(reader: Waiter): void {
    this.waiting.push(reader)
  }

  /** @internal for LogReader: it has left, and has nothing to be woken for. */
  forget(reader: Waiter): void {
    const at = this.waiting.indexOf(reader)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  /** @internal for LogReader: `over` when nothing will follow what `after` gives now. */
  get over(): boolean {
    return this.ended
  }

  /** @internal for LogReader */
  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure
  }

  private grow(event: DeltaEvent, envelope: Envelope): void {
    const logged = this.parts.get(event.part)
    if (!logged) return
    logged.text += event.text
    logged.marks.push(envelope.seq, logged.text.length)
    if (hasExtras(event)) logged.extras.push({ seq: envelope.seq, event })
  }

  /** Readers are woken once for all that was appended in this tick: one upstream read becomes one write to the client. */
  wake(): void {
    if (this.waking || this.waiting.length === 0) return
    this.waking = true
    queueMicrotask(this.wakeAll)
  }

  private readonly wakeAll = (): void => {
    this.waking = false
    const woken = this.waiting
    this.waiting = this.woken
    this.woken = woken
    for (const reader of woken) reader.look()
    woken.length = 0
  }
}

interface Waiter {
  look(): void
}

const noPath: readonly string[] = []

/** Puts a list in order of seq. Of a short answer's few, already nearly in order, it is done in place. */
function inOrder(list: Envelope[]): Envelope[] {
  if (list.length > 32) return list.sort((a, b) => a.seq - b.seq)
  for (let i = 1; i < list.length; i++) {
    const envelope = list[i]!
    let at = i
    for (; at > 0 && list[at - 1]!.seq > envelope.seq; at--) list[at] = list[at - 1]!
    list[at] = envelope
  }
  return list
}

/** Where the deltas end that are merged with the one at `from`; `to` is where all end. Places in `marks`. */
type EndOfMerge = (marks: readonly number[], to: number, from: number) => number

/**
 * Deltas that nothing else came between. Merged over something else they would stand behind it, and who breaks off there
 * would come back with a number beyond what he has not seen of them.
 */
function endOfRun(marks: readonly number[], to: number, from: number): number {
  let end = from + 2
  while (end < to && marks[end] === marks[end - 2]! + 1) end += 2
  return end
}

/** How many entries of `marks` belong to deltas up to and with `seq`. Cursors are mostly near the end: walks back. */
function marksUpTo(marks: readonly number[], seq: number): number {
  let count = marks.length
  while (count > 0 && marks[count - 2]! > seq) count -= 2
  return count
}

/** One reader's way through a log: batches of events, each in order, none twice. Rejects when the turn cannot be shown. */
export class LogReader extends BatchSource<Envelope> {
  private readonly log: LiveLog
  private readonly viewer: Viewer
  private cursor: number
  private left = false

  constructor(log: LiveLog, after: number, viewer: Viewer) {
    super()
    this.log = log
    this.cursor = Math.min(after, log.seq)
    this.viewer = viewer
    log.readers++
  }

  protected override take(): Envelope[] | 'pending' | 'ended' {
    if (this.left) return 'ended'
    this.log.throwFailure()
    const batch = this.log.after(this.cursor)
    if (batch.length > 0) {
      this.cursor = batch.at(-1)!.seq
      const seen = visibleTo(this.viewer, batch)
      // What is hidden from this viewer is nothing to him.
      return seen.length > 0 ? seen : this.take()
    }
    if (!this.log.over) {
      this.log.wait(this)
      return 'pending'
    }
    this.leave()
    return 'ended'
  }

  /** Leaves. Leaving is not cancelling: what follows is the door's leave policy. */
  override leave(): void {
    if (this.left) return
    this.left = true
    this.log.forget(this)
    if (--this.log.readers === 0 && !this.log.over) this.log.onDeserted?.()
  }
}

/** The events of a batch that a viewer may be shown; the batch itself when that is all of it. */
export function visibleTo(viewer: Viewer, batch: Envelope[]): Envelope[] {
  if (viewer === 'internal') return batch
  const shown = (envelope: Envelope) =>
    envelope.audience === 'members' || (envelope.audience === 'caller' && viewer === 'caller')
  return batch.every(shown) ? batch : batch.filter(shown)
}

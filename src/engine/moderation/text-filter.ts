import type { Guardrail } from '#contracts/index.ts'
import type { Matcher, Slot } from './matcher.ts'

/** What looks at one text. Made anew for each. */
export interface Matchers {
  /** Of rules that change the text or refuse it: what may yet become a find is not shown. */
  holding: readonly Matcher[]
  /** Of rules that only tell. */
  watching: readonly Matcher[]
}

/** What may be spent on looking, in steps of matchers and characters of masks; shared by the texts of one turn. */
export class Work {
  left: number
  constructor(most = 20_000_000) {
    this.left = most
  }
}

export interface FilterOptions {
  /** Characters that are held back at most; Infinity for a text that is shown to nobody before it is complete. */
  window: number
  /** Told of each find, of a longer form of it not again. `before` gives the text before it, at most 200 characters. */
  onFind?(slot: Slot, before: () => string): void
  /** When it is spent, rules that only tell look on no more, and the text is blocked if there are others. */
  work?: Work | undefined
  /** Told of the rule that has spent it. */
  onExhausted?(slot: Slot): void
}

/** A stretch of the text that is masked. */
interface Cover {
  start: number
  end: number
  slot: Slot
  /** The mask has been shown already. */
  shown: boolean
}

const rememberedBefore = 200
/** Longest text that is looked into to decide whether it is what it looks like. */
const longestAccepted = 400
/** After so many characters it is seen whether the work is spent. */
const paidEvery = 256

/**
 * Holds back, then shows. Takes a text in pieces and gives the pieces that may be shown: masked where rules say so, and
 * nothing from the moment on at which one blocks. All that it shows depends on the text alone and not on how it was cut.
 */
export class TextFilter {
  /** The rule that ended the text, once one did. */
  blocked: Slot | undefined
  private matchers: Matchers
  private readonly options: FilterOptions
  /** Text from `shown` on. */
  private held = ''
  /** Offset up to which everything was shown. */
  private shown = 0
  /** Offset up to which the matchers have looked. */
  private looked = 0
  /** Where the present part began: what was shown in an earlier one stays as it was. */
  private partStart = 0
  private remembered = ''
  private covers: Cover[] = []
  private paid = 0
  /** Characters of all masks so far: each costs a step, or a text of single matches could become a hundred times as long. */
  private maskLength = 0
  private lastMasked: Slot | undefined
  /** Where the last find of each rule ended. */
  private readonly ends = new Map<Guardrail, number>()

  constructor(matchers: Matchers, options: FilterOptions) {
    this.matchers = matchers
    this.options = options
  }

  /** How much of the text was taken and not shown yet. */
  get heldLength(): number {
    return this.held.length
  }

  /** Takes a piece; gives what may be shown now. */
  write(text: string): string {
    if (this.blocked) return ''
    this.held += text
    let unpaid = paidEvery
    for (let index = this.looked - this.shown; index < this.held.length; ) {
      const { holding, watching } = this.matchers
      const character = this.held.codePointAt(index)!
      // The other half may come with the next piece.
      if (isHighHalf(character) && index + 1 === this.held.length) break
      const at = this.shown + index
      const showable = this.showable()
      for (const matcher of watching) matcher.step(character, at, this.tell)
      for (const matcher of holding) matcher.step(character, at, this.apply)
      if (this.blocked) return this.showUpTo(showable)
      index += character > 0xffff ? 2 : 1
      this.looked = this.shown + index
      if (--unpaid === 0) {
        if (!this.pay()) return ''
        unpaid = paidEvery
      }
    }
    return this.pay() ? this.showUpTo(this.showable()) : ''
  }

  /** The part has ended: gives the rest of it. Another part may follow, and what began in this one may end there. */
  end(): string {
    if (this.blocked) return ''
    const { holding, watching } = this.matchers
    // Half a character that stays one.
    if (this.looked < this.shown + this.held.length) {
      const half = this.held.charCodeAt(this.held.length - 1)
      const showable = this.showable()
      for (const matcher of watching) matcher.step(half, this.looked, this.tell)
      for (const matcher of holding) matcher.step(half, this.looked, this.apply)
      if (this.blocked) return this.showUpTo(showable)
      this.looked++
    }
    const showable = this.showable()
    for (const matcher of watching) matcher.end(this.tell)
    for (const matcher of holding) matcher.end(this.apply)
    if (this.blocked) return this.showUpTo(showable)
    const rest = this.showUpTo(this.looked)
    this.partStart = this.looked
    return rest
  }

  /** False when the work is spent and the text cannot be let through. */
  private pay(): boolean {
    const { work, onExhausted } = this.options
    if (!work) return true
    const { holding, watching } = this.matchers
    const steps = stepsOf(holding) + stepsOf(watching) + this.maskLength
    work.left -= steps - this.paid
    this.paid = steps
    if (work.left < 0 && watching.length > 0) {
      work.left += stepsOf(watching)
      this.paid = stepsOf(holding) + this.maskLength
      this.matchers = { holding, watching: [] }
    }
    if (work.left >= 0 || holding.length === 0) return true
    const [busiest = this.lastMasked] = holding.map((matcher) => matcher.busiest()).filter((slot) => slot !== undefined)
    this.blocked = busiest
    if (busiest) onExhausted?.(busiest)
    return busiest === undefined
  }

  /** Offset up to which nothing can change any more. */
  private showable(): number {
    let earliest = this.looked
    for (const matcher of this.matchers.holding) earliest = Math.min(earliest, matcher.earliest())
    return Math.max(earliest, this.looked - this.options.window, this.shown)
  }

  private readonly tell = (slot: Slot, start: number, end: number): void => {
    const found = this.accepted(slot, start, end)
    if (found) this.note(slot, found.start, found.end)
  }

  private readonly apply = (slot: Slot, start: number, end: number): void => {
    const found = this.accepted(slot, start, end)
    if (!found) return
    if (slot.rule.action === 'mask') {
      this.note(slot, found.start, found.end)
      // What was shown in an earlier part stays.
      const from = Math.max(found.start, this.partStart)
      if (from < found.end) this.cover({ start: from, end: found.end, slot, shown: false })
    } else if (!this.blocked || slot.index < this.blocked.index) {
      this.note(slot, found.start, found.end)
      this.blocked = slot
    }
  }

  /** What of a find counts: a part of it where the rule says so, and no more than is held back. */
  private accepted(slot: Slot, start: number, end: number): { start: number; end: number } | undefined {
    let range = { start, end }
    if (slot.accept) {
      const from = Math.max(start, end - longestAccepted)
      const within = slot.accept(this.textOf(from, end), this.before(from))
      if (!within) return undefined
      range = { start: from + within.from, end: from + within.to }
    }
    return { start: Math.max(range.start, range.end - this.options.window), end: range.end }
  }

  private note(slot: Slot, start: number, end: number): void {
    const known = this.ends.get(slot.rule)
    this.ends.set(slot.rule, Math.max(end, known ?? 0))
    if (known === undefined || start >= known) this.options.onFind?.(slot, () => this.before(start))
  }

  /** Adds a masked stretch; with those that it overlaps it becomes one, named after the one that begins first. */
  private cover(added: Cover): void {
    const { covers } = this
    let cover = added
    const later: Cover[] = []
    for (let last = covers.at(-1); last && last.end > cover.start; last = covers.at(-1)) {
      covers.pop()
      if (last.start >= cover.end) later.push(last)
      else cover = joined(last, cover)
    }
    covers.push(cover, ...later.reverse())
  }

  private showUpTo(offset: number): string {
    if (offset <= this.shown) return ''
    const text = this.held.slice(0, offset - this.shown)
    const out = this.covers.length === 0 ? text : this.masked(offset)
    this.remembered = (this.remembered + text).slice(-rememberedBefore)
    this.held = this.held.slice(text.length)
    this.shown = offset
    return out
  }

  private masked(offset: number): string {
    let out = ''
    let at = this.shown
    for (const cover of this.covers) {
      if (cover.start >= offset) break
      out += this.textOf(at, cover.start)
      if (!cover.shown) {
        out += cover.slot.mask
        this.maskLength += cover.slot.mask.length
        this.lastMasked = cover.slot
      }
      cover.shown = true
      at = Math.max(at, Math.min(cover.end, offset))
    }
    this.covers = this.covers.filter((cover) => cover.end > offset)
    return out + this.textOf(at, offset)
  }

  private textOf(start: number, end: number): string {
    return this.held.slice(Math.max(0, start - this.shown), Math.max(0, end - this.shown))
  }

  private before(offset: number): string {
    const back = this.shown - offset
    if (back <= 0) return (this.remembered + this.textOf(this.shown, offset)).slice(-rememberedBefore)
    return this.remembered.slice(0, Math.max(0, this.remembered.length - back))
  }
}

function stepsOf(matchers: readonly Matcher[]): number {
  let steps = 0
  for (const matcher of matchers) steps += matcher.steps
  return steps
}

function joined(a: Cover, b: Cover): Cover {
  const first = a.start < b.start || (a.start === b.start && a.slot.index <= b.slot.index) ? a : b
  return { start: first.start, end: Math.max(a.end, b.end), slot: first.slot, shown: a.shown || b.shown }
}

function isHighHalf(character: number): boolean {
  return character >= 0xd800 && character <= 0xdbff
}

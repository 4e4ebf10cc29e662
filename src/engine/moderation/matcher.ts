import type { Guardrail } from '#contracts/index.ts'

/** A rule's place in a filter. */
export interface Slot {
  rule: Guardrail
  /** Of two rules that find the same, the one with the lower index counts. */
  index: number
  /** What stands in the place of what it finds. */
  mask: string
  /**
   * Decides about what fits the form: the part of `text` that counts as found, or undefined. `before` is at most 200
   * characters that stand before it.
   */
  accept?(text: string, before: string): { from: number; to: number } | undefined
}

/** Told of text from `start` to `end` that fits a rule. Offsets count UTF-16 units since the filter began. */
export type OnFind = (slot: Slot, start: number, end: number) => void

/**
 * Looks at a text character by character and finds what fits its rules. What it finds depends on the text alone, not on
 * how it was cut. A find is told when the character after it is known; of several that end at one place, the
 * longest of each rule.
 */
export interface Matcher {
  /** How much it has done so far, in steps of about the same length. */
  readonly steps: number
  /** The rule that it has most to do with now. */
  busiest(): Slot | undefined
  /** Where the earliest thing begins that may yet become a find; Infinity: nowhere. */
  earliest(): number
  /** Takes the character (code point) at offset `at`. */
  step(character: number, at: number, found: OnFind): void
  /** Tells the finds that end at `at` if the text ends there. It may go on all the same. */
  end(found: OnFind): void
}

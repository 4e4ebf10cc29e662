import { setImmediate } from 'node:timers/promises'
import type { Guardrail } from '#contracts/index.ts'
import type { Rules, Side } from './compile.ts'
import type { Notes } from './notes.ts'
import { type FilterOptions, TextFilter, Work } from './text-filter.ts'

/** A long text is looked through in slices, and after so many milliseconds others get their turn. */
const sliceLength = 1_024
const sliceMs = 5

/** A text that was there as a whole before anybody saw it, with what rules mask in it replaced. */
export interface Looked {
  text: string
  /** The rule that refuses it. */
  blocked?: Guardrail
}

/** Looks through a whole text with the rules that find something by themselves. */
export async function lookThrough(side: Side, text: string, watch: Watch = {}): Promise<Looked> {
  if (!side.isLocal || text === '') return { text }
  const filter = new TextFilter(side.matchers(), { window: Number.POSITIVE_INFINITY, ...filterOptions(watch) })
  let out = ''
  let since = performance.now()
  for (let at = 0; at < text.length && !filter.blocked; at += sliceLength) {
    if (performance.now() - since > sliceMs) {
      await setImmediate()
      since = performance.now()
    }
    out += filter.write(text.slice(at, at + sliceLength))
  }
  out += filter.end()
  return filter.blocked ? { text: out, blocked: filter.blocked.rule } : { text: out }
}

/** Who is told of what is found in a text, and how much may be spent on it. */
export interface Watch {
  /** `mask`: what is shown in its place; `before`: the text before it. */
  found?(rule: Guardrail, mask: string, before: () => string): void
  /** A text is refused because this rule has spent all the work. */
  exhausted?(rule: Guardrail): void
  work?: Work
}

export function filterOptions({ found, exhausted, work }: Watch): Omit<FilterOptions, 'window'> {
  return {
    onFind: ({ rule, mask }, before) => found?.(rule, mask, before),
    onExhausted: ({ rule }) => exhausted?.(rule),
    work,
  }
}

/** A text with all replaced that any rule and any kind of personal data finds in it. */
export function redact({ all }: Rules, text: string): string {
  if (text.length > longestRedacted) return nothingOfIt
  const filter = new TextFilter(all.matchers(), { window: Number.POSITIVE_INFINITY, work: new Work(mostForRedaction) })
  const out = filter.write(text) + filter.end()
  return filter.blocked ? nothingOfIt : out
}

/** It is done at once, so what takes long is left out altogether. */
const longestRedacted = 50_000
const mostForRedaction = 2_000_000
const nothingOfIt = '[removed]'

const excerptLength = 40

/** Notes finds in one place, each with an excerpt that has nothing of them in it. */
export function noting(
  rules: Rules,
  notes: Notes,
  work: Work,
  where: 'input' | 'output',
  place: Parameters<Notes['add']>[2],
): Watch {
  return {
    work,
    found: (rule, mask, before) =>
      notes.add(rule, where, place, () => storable(redact(rules, before()).slice(-excerptLength)) + mask),
    exhausted: (rule) => notes.add(rule, where, place, () => '', true),
  }
}

/** As a database keeps it: no NUL, no half of a character. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

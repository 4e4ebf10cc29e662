import { setImmediate } from 'node:timers/promises'
import type { Guardrail } from '#contracts/index.ts'
import type { Rules, Side } from './compile.ts'
import type { Notes } from './notes.ts'
import { TextFilter } from './text-filter.ts'

/** After so much of a long text others get their turn. */
const sliceLength = 32 * 1024

/** A text that was there as a whole before anybody saw it, with what rules mask in it replaced. */
export interface Looked {
  text: string
  /** The rule that refuses it. */
  blocked?: Guardrail
}

/** Looks through a whole text with the rules that find something by themselves. */
export async function lookThrough(side: Side, text: string, found?: FoundIn): Promise<Looked> {
  if (!side.isLocal || text === '') return { text }
  const filter = new TextFilter(side.matchers(), {
    window: Number.POSITIVE_INFINITY,
    onFind: (slot, before) => found?.(slot.rule, slot.mask, before),
  })
  let out = ''
  for (let at = 0; at < text.length; at += sliceLength) {
    if (at > 0) await setImmediate()
    out += filter.write(text.slice(at, at + sliceLength))
  }
  out += filter.end()
  return filter.blocked ? { text: out, blocked: filter.blocked.rule } : { text: out }
}

/** Told of a find: its rule, what a mask of it shows, and the text before it. */
export type FoundIn = (rule: Guardrail, mask: string, before: () => string) => void

/** A text with all replaced that any rule and any kind of personal data finds in it. */
export function redact({ all }: Rules, text: string): string {
  const filter = new TextFilter(all.matchers(), { window: Number.POSITIVE_INFINITY })
  return filter.write(text) + filter.end()
}

const excerptLength = 40

/** Notes finds in one place, each with an excerpt that has nothing of them in it. */
export function noting(
  rules: Rules,
  notes: Notes,
  where: 'input' | 'output',
  place: Parameters<Notes['add']>[2],
): FoundIn {
  return (rule, mask, before) =>
    notes.add(rule, where, place, () => storable(redact(rules, before()).slice(-excerptLength)) + mask)
}

/** As a database keeps it: no NUL, no half of a character. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

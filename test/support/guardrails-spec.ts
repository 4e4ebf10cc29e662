import fc from 'fast-check'
import type { Guardrail, GuardrailAction } from '#contracts/index.ts'
import type { compileRules } from '#engine/moderation/compile.ts'
import { alphabet, ruleOf } from './guardrails.ts'

/*
 * What a filter must show, written down as plainly as possible and as slowly as may be: every stretch of the text is
 * held against every rule by the expression engine of the JavaScript runtime.
 */

export type Compiled = Awaited<ReturnType<typeof compileRules>>

/** Expressions that mean the same to RE2 and to JavaScript, and that never fit the empty text. */
const expression = fc.letrec<{ any: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(...alphabet),
    fc.constantFrom(
      '.',
      '[ab]{4}',
      '[abc]+',
      '[^-]{3}',
      '[abc]',
      '[^a]',
      '\\d',
      '\\w',
      '(?:ab|a|b😀)',
      '\\bab',
      'c\\b',
      'a\\B',
      '^a',
      '1$',
    ),
    tie('any').map((inner) => `(?:${inner})`),
  ),
  any: fc.oneof(
    { depthSize: 'small' },
    tie('atom'),
    fc.tuple(tie('atom'), tie('any')).map(([a, b]) => a + b),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie('atom'), fc.constantFrom('+', '*', '?', '{2}', '{1,3}')).map(([a, times]) => `(?:${a})${times}b`),
  ),
}))
export const expressions: fc.Arbitrary<string> = expression.any.filter((pattern) => pattern.length < 60)

const words = fc.array(
  fc.array(fc.constantFrom('a', 'b', 'c', 'é', '1', '😀'), { minLength: 1, maxLength: 4 }).map((word) => word.join('')),
  { minLength: 1, maxLength: 3 },
)

/** One to three rules with these actions, masks being no text that any of them fits. */
export function rulesOver(actions: GuardrailAction[]): fc.Arbitrary<Guardrail[]> {
  const action = fc.constantFrom(...actions)
  const rule = fc.oneof(
    fc
      .tuple(expressions, action)
      .map(([pattern, act]) => ruleOf({ kind: 'pattern', pattern, ignoreCase: false, replacement: '█' }, act)),
    fc
      .tuple(words, fc.constantFrom('word' as const, 'part' as const), action)
      .map(([list, match, act]) => ruleOf({ kind: 'words', words: list, match, replacement: '█' }, act)),
  )
  return fc.array(rule, { minLength: 1, maxLength: 3 })
}

/** The text with every stretch masked that a rule fits, of each at most `window` units; overlapping ones as one. */
export function shownBySpec(rules: readonly Guardrail[], text: string, window: number): string {
  const stretches = rules
    .filter(({ action }) => action === 'mask')
    .flatMap((rule) => stretchesOf(rule, text))
    .map(({ start, end }) => ({ start: Math.max(start, end - window), end }))
    .sort((a, b) => a.start - b.start || a.end - b.end)
  const joined: { start: number; end: number }[] = []
  for (const stretch of stretches) {
    const last = joined.at(-1)
    if (last && stretch.start < last.end) last.end = Math.max(last.end, stretch.end)
    else joined.push({ ...stretch })
  }
  let out = ''
  let at = 0
  for (const { start, end } of joined) {
    out += `${text.slice(at, start)}█`
    at = end
  }
  return out + text.slice(at)
}

function stretchesOf({ check }: Guardrail, text: string): { start: number; end: number }[] {
  const bounds = boundsOf(text)
  const out: { start: number; end: number }[] = []
  for (const [from, start] of bounds.entries())
    for (const [to, end] of bounds.entries())
      if (from < to && fits(check, text, { start, end, after: bounds.length - 1 - to })) out.push({ start, end })
  return out
}

function fits(
  check: Guardrail['check'],
  text: string,
  { start, end, after }: { start: number; end: number; after: number },
): boolean {
  if (check.kind === 'pattern') {
    const whole = new RegExp(`(?:${check.pattern})(?=[^]{${after}}$)`, 'uy')
    whole.lastIndex = start
    return whole.test(text)
  }
  if (check.kind !== 'words') return false
  if (!check.words.includes(text.slice(start, end))) return false
  if (check.match === 'part') return true
  return isBoundary(text, start) && isBoundary(text, end)
}

function isBoundary(text: string, at: number): boolean {
  return !(/[\p{L}\p{N}_]$/u.test(text.slice(0, at)) && /^[\p{L}\p{N}_]/u.test(text.slice(at)))
}

/** Offsets between characters. */
function boundsOf(text: string): number[] {
  const bounds = [0]
  for (const character of text) bounds.push(bounds.at(-1)! + character.length)
  return bounds
}

import fc from 'fast-check'
import type { Guardrail, GuardrailAction, GuardrailCheck } from '#contracts/index.ts'

/** A rule as the engine takes it. */
export function ruleOf(
  check: GuardrailCheck,
  action: GuardrailAction = 'mask',
  more: Partial<Guardrail> = {},
): Guardrail {
  return {
    id: 1,
    publicId: '01900000-0000-7000-8000-000000000001',
    name: 'rule',
    where: 'both',
    action,
    check,
    ...more,
  }
}

/** A text in pieces of `size` units; characters may be cut through. */
export function cutUp(text: string, size: number): string[] {
  const out: string[] = []
  for (let at = 0; at < text.length; at += size) out.push(text.slice(at, at + size))
  return out
}

/** Few characters, so that things are found; one takes two units, and a space and a mark are among them. */
export const alphabet = ['a', 'b', 'c', 'é', '😀', ' ', '-', '1']

/** A text in pieces, as deltas come: some empty, some through the middle of a character. */
export const pieces: fc.Arbitrary<string[]> = fc
  .tuple(
    // Some letters often, so that runs of them come about.
    fc
      .array(fc.constantFrom('a', 'a', 'a', 'b', 'b', ...alphabet), { maxLength: 40 })
      .map((characters) => characters.join('')),
    fc.array(fc.nat(6), { minLength: 1, maxLength: 20 }),
  )
  .map(([text, sizes]) => {
    const out: string[] = []
    let at = 0
    for (let i = 0; at < text.length; i++) {
      const size = sizes[i % sizes.length]! + (i >= sizes.length ? 1 : 0)
      out.push(text.slice(at, at + size))
      at += size
    }
    return out
  })

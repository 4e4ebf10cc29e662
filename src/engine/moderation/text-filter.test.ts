import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { personalDataTypes } from '#contracts/index.ts'
import { cutUp, pieces, ruleOf } from '#test/support/guardrails.ts'
import { type Compiled, expressions, rulesOver, shownBySpec } from '#test/support/guardrails-spec.ts'
import { compileRules } from './compile.ts'
import { TextFilter } from './text-filter.ts'

/** What a filter shows of the pieces, what it held back at most, and how it ended. */
function run({ output }: Compiled, given: readonly string[], window: number) {
  const finds: string[] = []
  const filter = new TextFilter(output.matchers(), { window, onFind: ({ rule }) => finds.push(rule.name) })
  const shown: string[] = []
  let mostHeld = 0
  for (const piece of given) {
    shown.push(filter.write(piece))
    if (!filter.blocked) mostHeld = Math.max(mostHeld, filter.heldLength)
  }
  shown.push(filter.end())
  return { text: shown.join(''), shown, blocked: filter.blocked?.rule.name, finds, mostHeld }
}

const windows = fc.constantFrom(3, 10, 1_000)

describe('a text filter', () => {
  it('shows what the definition says, of any text and any rules', () =>
    fc.assert(
      fc.asyncProperty(rulesOver(['mask', 'flag']), pieces, windows, async (rules, given, window) => {
        const text = given.join('')
        expect(run(await compileRules(rules), [text], window).text).toBe(shownBySpec(rules, text, window))
      }),
      { numRuns: 300 },
    ))

  it('shows the same, however the text is cut', () =>
    fc.assert(
      fc.asyncProperty(rulesOver(['mask', 'block', 'flag']), pieces, windows, async (rules, given, window) => {
        const compiled = await compileRules(rules)
        const whole = run(compiled, [given.join('')], window)
        const cut = run(compiled, given, window)
        expect({ text: cut.text, blocked: cut.blocked, finds: cut.finds }).toEqual({
          text: whole.text,
          blocked: whole.blocked,
          finds: whole.finds,
        })
      }),
      { numRuns: 300 },
    ))

  it('shows nothing that a blocking rule fits, and blocks if and only if one does', () =>
    fc.assert(
      fc.asyncProperty(rulesOver(['block']), pieces, async (rules, given) => {
        const text = given.join('')
        const { text: shown, blocked } = run(await compileRules(rules), given, 1_000)
        const fits = (some: string) => shownBySpec(rules.map(masking), some, 1_000) !== some
        expect(blocked !== undefined).toBe(fits(text))
        expect(text.startsWith(shown)).toBe(true)
        if (blocked === undefined) expect(shown).toBe(text)
        // What follows may be what a rule asks for at the end of its match, so all of the text is looked at.
        else expect(coveredBySpec(rules.map(masking), text)).toBeGreaterThanOrEqual(shown.length)
      }),
      { numRuns: 300 },
    ))

  it('holds back no more than its window, whatever the rules', () =>
    fc.assert(
      fc.asyncProperty(rulesOver(['mask', 'block']), pieces, windows, async (rules, given, window) => {
        // One more for the first half of a character.
        expect(run(await compileRules(rules), given, window).mostHeld).toBeLessThanOrEqual(window + 1)
      }),
      { numRuns: 200 },
    ))

  it('is as good at ends of parts as within them', () =>
    fc.assert(
      fc.asyncProperty(rulesOver(['block']), pieces, pieces, async (rules, first, second) => {
        const { output } = await compileRules(rules)
        const filter = new TextFilter(output.matchers(), { window: 1_000 })
        let shown = ''
        for (const piece of first) shown += filter.write(piece)
        shown += filter.end()
        for (const piece of second) shown += filter.write(piece)
        shown += filter.end()
        const whole = run({ output } as Compiled, [...first, ...second], 1_000)
        // A find that goes over the end of a part is a find; nothing that stands after it is shown.
        if (whole.blocked !== undefined) expect(filter.blocked).toBeDefined()
        if (!filter.blocked) expect(shown).toBe([...first, ...second].join(''))
      }),
      { numRuns: 200 },
    ))

  it.for([
    ['words hold back the beginning of one', ['the sec'], 'the '],
    ['and nothing else', ['the sex'], 'the sex'],
    ['and a whole one until it is known to be whole', ['the secret'], 'the '],
    ['and let go of one that is part of another', ['the secrets'], 'the secrets'],
  ] as const)('%s', async ([, given, shown]) => {
    const { output } = await compileRules([ruleOf({ kind: 'words', words: ['secret'], match: 'word' })])
    const filter = new TextFilter(output.matchers(), { window: 1_000 })
    expect(given.map((piece) => filter.write(piece)).join('')).toBe(shown)
  })

  it('holds nothing back for a rule that only tells', async () => {
    const rules = [ruleOf({ kind: 'words', words: ['secret'], match: 'word' }, 'flag')]
    const { text, shown, finds } = run(await compileRules(rules), ['the sec', 'ret', '.'], 1_000)
    expect(shown).toEqual(['the sec', 'ret', '.', ''])
    expect(text).toBe('the secret.')
    expect(finds).toHaveLength(1)
  })

  it('counts a find once, however much longer it becomes, and each of several', async () => {
    const rules = [ruleOf({ kind: 'pattern', pattern: String.raw`\d+`, ignoreCase: false })]
    const { text, finds } = run(await compileRules(rules), ['a 12', '34 b', ' 5 6'], 1_000)
    expect(text).toBe('a [removed] b [removed] [removed]')
    expect(finds).toHaveLength(3)
  })

  it('masks what overlaps as one, named after what begins first', async () => {
    const rules = [
      ruleOf({ kind: 'pattern', pattern: 'bcd', ignoreCase: false, replacement: '[late]' }),
      ruleOf({ kind: 'pattern', pattern: 'abc', ignoreCase: false, replacement: '[early]' }),
    ]
    expect(run(await compileRules(rules), [...'xabcdx'], 1_000).text).toBe('x[early]x')
  })

  it('masks what ends before something that is masked already', async () => {
    const rules = [
      ruleOf({ kind: 'pattern', pattern: 'x', ignoreCase: false, replacement: '*' }),
      // Twelve digits are known by what follows them.
      ruleOf({ kind: 'personal-data', types: ['in-aadhaar'] }),
    ]
    for (const size of [1, 100])
      expect(run(await compileRules(rules), cutUp('2341 2341 2346 x.', size), 1_000).text).toBe('[national id] *.')
  })

  it('lets the beginning of an endless match go, and finds its end', async () => {
    const rules = [ruleOf({ kind: 'pattern', pattern: '<[^>]*>', ignoreCase: false }, 'block')]
    const compiled = await compileRules(rules)
    const endless = `before <${'x'.repeat(5_000)}`
    const open = run(compiled, cutUp(endless, 7), 1_000)
    expect(open.text).toBe(endless)
    expect(open.mostHeld).toBeLessThanOrEqual(1_001)
    const closed = run(compiled, cutUp(`${endless}> after`, 7), 1_000)
    expect(closed.blocked).toBe('rule')
    expect(closed.text).not.toContain('>')
  })

  it('comes to an end with expressions on which others do not', async () => {
    const rules = ['(a+)+y$', '(a|a)*by', '(?:.?){60}xy', '(.*)*cy', 'a[^b]{0,200}by'].map((pattern) =>
      ruleOf({ kind: 'pattern', pattern, ignoreCase: true }),
    )
    expect(run(await compileRules(rules), [`${'a'.repeat(10_000)}!`], 1_000).text).toHaveLength(10_001)
  })

  it('looks for everything at once without mixing it up', async () => {
    const rules = [
      ruleOf({ kind: 'personal-data', types: [...personalDataTypes] }),
      ruleOf({ kind: 'words', words: ['geheim'], match: 'part', replacement: '***' }),
      ruleOf({ kind: 'pattern', pattern: String.raw`\bPRJ-\d+\b`, ignoreCase: false, replacement: '[project]' }),
    ]
    const text = 'GEHEIM: ann@example.org pays PRJ-77 with 4111-1111-1111-1111, not 4111-1111-1111-1112.'
    const expected = '***: [email] pays [project] with [card], not 4111-1111-1111-1112.'
    for (const size of [1, 2, 5, 200])
      expect(run(await compileRules(rules), cutUp(text, size), 1_000).text).toBe(expected)
  })
})

describe('the definition itself', () => {
  it('has expressions that fit, and some that do not', () => {
    const sample = fc.sample(expressions, 200)
    expect(sample.some((pattern) => new RegExp(pattern, 'u').test('abcab é'))).toBe(true)
    expect(sample.some((pattern) => !new RegExp(pattern, 'u').test('abcab é'))).toBe(true)
  })
})

function masking<T extends { action: string }>(rule: T): T {
  return { ...rule, action: 'mask' }
}

/** Where the first stretch begins that a rule fits; the text's length when none does. */
function coveredBySpec(rules: Parameters<typeof shownBySpec>[0], text: string): number {
  const shown = shownBySpec(rules, text, 1_000)
  const at = shown.indexOf('█')
  return at < 0 ? text.length : at
}

import { type Guardrail, type GuardrailCheck, personalDataTypes } from '#contracts/index.ts'
import { foldText } from './fold.ts'
import { injectionPhrases, seen } from './injection.ts'
import type { Matcher, Slot } from './matcher.ts'
import { type Pattern, PatternMatcher, PatternSet } from './pattern-matcher.ts'
import { forms, masks, plain, plainText } from './personal-data.ts'
import { compileProgram, loadEngine, type Program, patternProblem } from './program.ts'
import type { Matchers } from './text-filter.ts'
import { WordMatcher, wordSet } from './word-matcher.ts'

/** Rules of one direction, ready to look at texts. */
export interface Side {
  /** Whether any rule finds something by itself. */
  isLocal: boolean
  /** Whether what they hold back could matter: some rule changes the text or refuses it. */
  isHolding: boolean
  /** For one text. */
  matchers(): Matchers
  /** Rules that somebody must be asked for. */
  asking: readonly AskingRule[]
}

export type AskingRule = Guardrail & { check: Extract<GuardrailCheck, { kind: 'endpoint' | 'judge' }> }

/** The rules that a turn is held to. */
export interface Rules {
  input: Side
  output: Side
  /** All that find something by themselves, and every kind of personal data: for what is kept of a text. */
  all: Side
}

const defaultMask = '[removed]'

/** Makes rules ready. Slow enough (some milliseconds for large lists) to be done once for many turns. */
export async function compileRules(rules: readonly Guardrail[]): Promise<Rules> {
  const engine = await loadEngine()
  const programs = new Map<string, Program>()
  const compiled = (pattern: string, ignoreCase: boolean): Program => {
    const key = `${ignoreCase} ${pattern}`
    const program = programs.get(key) ?? compileProgram(engine, pattern, ignoreCase)
    programs.set(key, program)
    return program
  }
  const inDirection = (where: 'input' | 'output') =>
    rules.filter((rule) => rule.where === where || rule.where === 'both')
  return {
    input: side(inDirection('input'), compiled),
    output: side(inDirection('output'), compiled),
    all: side([...rules.map(masking), everyPersonalData], compiled),
  }
}

/** Why a check cannot be one of a rule, with the field of its config; undefined: it can. */
export async function checkProblem(check: GuardrailCheck): Promise<{ field: string; problem: string } | undefined> {
  if (check.kind === 'pattern') {
    const problem = await patternProblem(check.pattern, check.ignoreCase)
    return problem === undefined ? undefined : { field: 'pattern', problem }
  }
  if (check.kind === 'words') {
    const index = check.words.findIndex((word) => foldText(word).length === 0)
    return index < 0 ? undefined : { field: `words[${index}]`, problem: 'has nothing in it that could be found' }
  }
  return undefined
}

const everyPersonalData: Guardrail = {
  id: 0,
  publicId: '',
  name: '',
  where: 'both',
  action: 'mask',
  check: { kind: 'personal-data', types: [...personalDataTypes] },
}

function masking(rule: Guardrail): Guardrail {
  return { ...rule, action: 'mask' }
}

type Compile = (pattern: string, ignoreCase: boolean) => Program

function side(rules: readonly Guardrail[], compile: Compile): Side {
  let slots = 0
  const slotOf = (rule: Guardrail, mask: string, accept?: Slot['accept']): Slot => ({
    rule,
    index: slots++,
    mask,
    ...(accept && { accept }),
  })
  const holding = group(
    rules.filter(({ action }) => action !== 'flag'),
    compile,
    slotOf,
  )
  const watching = group(
    rules.filter(({ action }) => action === 'flag'),
    compile,
    slotOf,
  )
  const asking = rules.filter(
    (rule): rule is AskingRule => rule.check.kind === 'endpoint' || rule.check.kind === 'judge',
  )
  return {
    isLocal: holding.length + watching.length > 0,
    isHolding: holding.length > 0 || asking.some(({ action }) => action !== 'flag'),
    matchers: () => ({ holding: holding.map((make) => make()), watching: watching.map((make) => make()) }),
    asking,
  }
}

/** The matchers of some rules: words together, expressions together, and what is looked for in another view of the text. */
function group(
  rules: readonly Guardrail[],
  compile: Compile,
  slotOf: (rule: Guardrail, mask: string, accept?: Slot['accept']) => Slot,
): (() => Matcher)[] {
  const whole: { slot: Slot; words: readonly string[] }[] = []
  const parts: typeof whole = []
  const patterns: Pattern[] = []
  const personal: Pattern[] = []
  const phrases: Pattern[] = []
  for (const rule of rules) {
    const { check } = rule
    if (check.kind === 'words') {
      const list = { slot: slotOf(rule, check.replacement ?? defaultMask), words: check.words }
      if (check.match === 'word') whole.push(list)
      else parts.push(list)
    } else if (check.kind === 'pattern')
      patterns.push({
        slot: slotOf(rule, check.replacement ?? defaultMask),
        program: compile(check.pattern, check.ignoreCase),
      })
    else if (check.kind === 'personal-data')
      for (const type of check.types)
        for (const { pattern, accept } of forms[type]) {
          const slot = slotOf(rule, masks[type], (text, before) => accept(plainText(text), plainText(before)))
          personal.push({ slot, program: compile(pattern, false) })
        }
    else if (check.kind === 'injection') {
      const slot = slotOf(rule, defaultMask)
      for (const phrase of injectionPhrases) phrases.push({ slot, program: compile(phrase, false) })
    }
  }
  const makers: (() => Matcher)[] = []
  for (const [lists, isWhole] of [[whole, true] as const, [parts, false] as const]) {
    if (lists.length === 0) continue
    const set = wordSet(lists, isWhole)
    makers.push(() => new WordMatcher(set))
  }
  for (const [found, view] of [[patterns, undefined] as const, [personal, plain] as const, [phrases, seen] as const]) {
    if (found.length === 0) continue
    const set = new PatternSet(found, view)
    makers.push(() => new PatternMatcher(set))
  }
  return makers
}

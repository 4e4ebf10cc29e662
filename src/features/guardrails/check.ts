import { type GuardrailCheck, type OutagePolicy, type PersonalDataType, personalDataTypes } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { isStorable, plainText } from '#lib/text.ts'

export const kinds = ['words', 'pattern', 'personal-data', 'injection', 'endpoint', 'judge'] as const
export type GuardrailKind = GuardrailCheck['kind']

export const limits = {
  words: 2_000,
  wordLength: 200,
  patternLength: 1_000,
  replacementLength: 100,
  instructionsLength: 8_000,
  categories: 50,
} as const

/** The config of a rule as a request has it, and as it is shown. */
export type Config = Record<string, unknown>

const fieldsOf: Record<GuardrailKind, readonly string[]> = {
  words: ['words', 'match', 'replacement'],
  pattern: ['pattern', 'ignore_case', 'replacement'],
  'personal-data': ['types'],
  injection: [],
  endpoint: ['upstream', 'model', 'categories', 'threshold', 'on_outage', 'replacement'],
  judge: ['model', 'instructions', 'on_outage', 'replacement'],
}

/** A config as it came → a check, as far as its form goes. Throws `invalid-request` naming the field. */
export function readCheck(kind: GuardrailKind, config: Config): GuardrailCheck {
  const unknown = Object.keys(config).find((name) => !fieldsOf[kind].includes(name))
  if (unknown !== undefined) {
    const field = `config.${unknown.slice(0, 100)}`
    throw invalid(field, `${field} is no setting of a guardrail of kind ${kind}`)
  }
  switch (kind) {
    case 'words':
      return {
        kind,
        words: texts('words', config.words, limits.words, limits.wordLength),
        match: oneOf('match', config.match ?? 'word', ['word', 'part']),
        ...replacement(config),
      }
    case 'pattern':
      return {
        kind,
        pattern: text('pattern', config.pattern, limits.patternLength),
        ignoreCase: flag('ignore_case', config.ignore_case ?? true),
        ...replacement(config),
      }
    case 'personal-data':
      return { kind, types: typesOf(config.types) }
    case 'injection':
      return { kind }
    case 'endpoint': {
      const { model, categories, threshold } = config
      return {
        kind,
        upstream: text('upstream', config.upstream, 200),
        ...(model !== undefined && { model: text('model', model, 200) }),
        ...(categories !== undefined && { categories: texts('categories', categories, limits.categories, 100) }),
        ...(threshold !== undefined && { threshold: share('threshold', threshold) }),
        onOutage: outage(config),
        ...replacement(config),
      }
    }
    case 'judge':
      return {
        kind,
        model: text('model', config.model, 200),
        instructions: text('instructions', config.instructions, limits.instructionsLength),
        onOutage: outage(config),
        ...replacement(config),
      }
  }
}

/** The other way: what `readCheck` would make the same check of. */
export function presentCheck(check: GuardrailCheck): Config {
  const { kind, ...rest } = check
  const config: Config = {}
  const names: Record<string, string> = { ignoreCase: 'ignore_case', onOutage: 'on_outage' }
  for (const [name, value] of Object.entries(rest)) config[names[name] ?? name] = value
  return config
}

export function readKind(kind: string): GuardrailKind {
  if ((kinds as readonly string[]).includes(kind)) return kind as GuardrailKind
  throw invalid('kind', `'kind' must be one of ${kinds.join(', ')}`)
}

function text(field: string, value: unknown, most: number): string {
  if (value === undefined) throw invalid(`config.${field}`, `'config.${field}' field is required`, 'missing')
  if (typeof value !== 'string') throw invalid(`config.${field}`, `config.${field} must be a string`)
  return plainText(`config.${field}`, value, most)
}

function texts(field: string, value: unknown, mostItems: number, mostLength: number): string[] {
  if (value === undefined) throw invalid(`config.${field}`, `'config.${field}' field is required`, 'missing')
  if (!Array.isArray(value) || value.length === 0 || value.length > mostItems)
    throw invalid(`config.${field}`, `config.${field} must be a list of 1 to ${mostItems} texts`)
  const items = value.map((item, index) => text(`${field}[${index}]`, item ?? null, mostLength))
  return [...new Set(items)]
}

function typesOf(value: unknown): PersonalDataType[] {
  if (value === undefined) return [...personalDataTypes]
  const named = texts('types', value, personalDataTypes.length, 50)
  const index = named.findIndex((name) => !(personalDataTypes as readonly string[]).includes(name))
  if (index >= 0)
    throw invalid(`config.types[${index}]`, `config.types[${index}] must be one of ${personalDataTypes.join(', ')}`)
  return named as PersonalDataType[]
}

function oneOf<T extends string>(field: string, value: unknown, values: readonly T[]): T {
  if (values.includes(value as T)) return value as T
  throw invalid(`config.${field}`, `config.${field} must be one of ${values.join(', ')}`)
}

function flag(field: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(`config.${field}`, `config.${field} must be true or false`)
}

function share(field: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= 1) return value
  throw invalid(`config.${field}`, `config.${field} must be above 0 and at most 1`)
}

/** `closed` unless said otherwise: who sets up a rule wants it to hold. */
function outage({ on_outage: value = 'closed' }: Config): OutagePolicy {
  return oneOf('on_outage', value, ['open', 'closed'])
}

/** May be empty: what is found is then left out. */
function replacement({ replacement: value }: Config): { replacement?: string } {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'string' || value.length > limits.replacementLength || !isStorable(value))
    throw invalid(
      'config.replacement',
      `config.replacement must be a text of at most ${limits.replacementLength} characters`,
    )
  return { replacement: value }
}

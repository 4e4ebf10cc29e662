/** A rule about what may be said to a model and what a model may say (docs/GUARDRAILS.md). */
export interface Guardrail {
  id: number
  publicId: string
  name: string
  where: 'input' | 'output' | 'both'
  action: GuardrailAction
  check: GuardrailCheck
}

export type GuardrailAction = 'block' | 'mask' | 'flag'

/** By what a rule finds something. `replacement` is what a mask shows; absent: the usual word for it. */
export type GuardrailCheck =
  | { kind: 'words'; words: string[]; match: 'word' | 'part'; replacement?: string }
  /** RE2 syntax. */
  | { kind: 'pattern'; pattern: string; ignoreCase: boolean; replacement?: string }
  | { kind: 'personal-data'; types: PersonalDataType[] }
  | { kind: 'injection' }
  /**
   * The moderation endpoint of an upstream. Found: what it flagged; with `categories` one of these; with `threshold` (0 to 1)
   * a score that reaches it.
   */
  | {
      kind: 'endpoint'
      upstream: string
      model?: string
      categories?: string[]
      threshold?: number
      onOutage: OutagePolicy
      replacement?: string
    }
  /** A model that is told by `instructions` what is not allowed. */
  | { kind: 'judge'; model: string; instructions: string; onOutage: OutagePolicy; replacement?: string }

/** What a question without a usable answer means: `closed` as found, `open` as not. */
export type OutagePolicy = 'open' | 'closed'

export const personalDataTypes = [
  'email',
  'phone',
  'card',
  'iban',
  'kr-rrn',
  'us-ssn',
  'cn-id',
  'jp-my-number',
  'in-aadhaar',
  'uk-nino',
  'br-cpf',
  'es-dni',
  'fr-nir',
  'it-cf',
] as const
export type PersonalDataType = (typeof personalDataTypes)[number]

/** In what a rule found something. The first three are input. */
export type GuardedPlace =
  | 'message'
  | 'tool-result'
  | 'steering'
  | 'text'
  | 'reasoning'
  | 'refusal'
  | 'tool-call'
  | 'audio'
  | 'source'

/** That a rule found something, without what it found. */
export interface GuardrailHitNote {
  rule: Guardrail
  where: 'input' | 'output'
  place: GuardedPlace
  /** How often, in this place. */
  count: number
  /** What stands before the first find, with everything that any rule finds replaced. */
  excerpt: string
  /** True: nothing was found, but it could not be asked either. */
  outage: boolean
}

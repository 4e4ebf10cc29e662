import type { Sampling } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { plainText } from '#lib/text.ts'
import { checkDefinition } from './definition.ts'

export const contextStrategies = ['truncate', 'summarize', 'error'] as const
export type ContextStrategy = (typeof contextStrategies)[number]

export type AppSampling = Pick<
  Sampling,
  'temperature' | 'topP' | 'maxOutputTokens' | 'stop' | 'presencePenalty' | 'frequencyPenalty'
>

export interface AppConfig {
  /** `auto`: the server chooses. */
  model: string
  systemPrompt: string
  sampling: AppSampling
  context: {
    strategy: ContextStrategy
    /** 0: what the model has. */
    maxTokens: number
  }
  /** How many earlier turns the model is shown. */
  historyLength: number
  suggestedQuestions?: string[]
  /** Of workflow and channel apps: stored as it came, understood elsewhere. */
  definition?: Record<string, unknown>
}

/** What a caller may set. Absent leaves as it is; null takes back to the default. */
export interface ConfigChange {
  model?: string | null
  systemPrompt?: string | null
  temperature?: number | null
  topP?: number | null
  maxOutputTokens?: number | null
  stop?: string[] | null
  presencePenalty?: number | null
  frequencyPenalty?: number | null
  contextStrategy?: string | null
  contextMaxTokens?: number | null
  historyLength?: number | null
  suggestedQuestions?: string[] | null
  definition?: Record<string, unknown> | null
}

export const defaultConfig: AppConfig = {
  model: 'auto',
  systemPrompt: '',
  sampling: {},
  context: { strategy: 'truncate', maxTokens: 0 },
  historyLength: 20,
}

const most = { prompt: 200_000, stops: 16, stopLength: 500, questions: 20, questionLength: 500 }

/** `config` with the change made. Throws `invalid-request` naming the field that is out of range. */
export function changeConfig(config: AppConfig, change: ConfigChange): AppConfig {
  const definition = pick(change.definition, config.definition, checkDefinition)
  const suggestedQuestions = pick(change.suggestedQuestions, config.suggestedQuestions, (questions) =>
    texts('suggested_questions', questions, most.questions, most.questionLength),
  )
  return {
    model: pick(change.model, config.model, (model) => plainText('model', model, 200)) ?? defaultConfig.model,
    systemPrompt: pick(change.systemPrompt, config.systemPrompt, checkPrompt) ?? defaultConfig.systemPrompt,
    sampling: changeSampling(config.sampling, change),
    context: {
      strategy: pick(change.contextStrategy, config.context.strategy, readStrategy) ?? defaultConfig.context.strategy,
      maxTokens:
        pick(change.contextMaxTokens, config.context.maxTokens, whole('context_max_tokens', 0, 100_000_000)) ?? 0,
    },
    historyLength:
      pick(change.historyLength, config.historyLength, whole('history_length', 0, 200)) ?? defaultConfig.historyLength,
    ...(suggestedQuestions && { suggestedQuestions }),
    ...(definition && { definition }),
  }
}

function changeSampling(sampling: AppSampling, change: ConfigChange): AppSampling {
  const next: AppSampling = {}
  const set = <K extends keyof AppSampling>(name: K, check: (value: NonNullable<AppSampling[K]>) => AppSampling[K]) => {
    const value = pick(change[name] as NonNullable<AppSampling[K]> | null | undefined, sampling[name], check)
    if (value !== undefined) next[name] = value
  }
  set('temperature', range('temperature', 0, 2))
  set('topP', range('top_p', 0, 1))
  set('maxOutputTokens', whole('max_tokens', 1, 10_000_000))
  set('stop', (stop) => texts('stop', stop, most.stops, most.stopLength))
  set('presencePenalty', range('presence_penalty', -2, 2))
  set('frequencyPenalty', range('frequency_penalty', -2, 2))
  return next
}

/** The new value checked, the old one when none was given, undefined when it was taken back. */
function pick<I, O>(given: I | null | undefined, old: O | undefined, check: (value: I) => O): O | undefined {
  if (given === undefined) return old
  return given === null ? undefined : check(given)
}

function range(field: string, least: number, greatest: number): (value: number) => number {
  return (value) => {
    if (Number.isFinite(value) && value >= least && value <= greatest) return value
    throw invalid(field, `${field} must be between ${least} and ${greatest}`)
  }
}

function whole(field: string, least: number, greatest: number): (value: number) => number {
  return (value) => {
    if (Number.isInteger(value) && value >= least && value <= greatest) return value
    throw invalid(field, `${field} must be a whole number from ${least} to ${greatest}`)
  }
}

function texts(field: string, list: string[], mostItems: number, mostLength: number): string[] {
  const fits = list.every((text) => typeof text === 'string' && text.length > 0 && text.length <= mostLength)
  if (!fits || list.length > mostItems)
    throw invalid(field, `${field} must be at most ${mostItems} texts of 1 to ${mostLength} characters`)
  return list
}

function checkPrompt(prompt: string): string {
  if (prompt.length > most.prompt)
    throw invalid('system_prompt', `system_prompt must have at most ${most.prompt} characters`)
  return prompt
}

function readStrategy(strategy: string): ContextStrategy {
  if ((contextStrategies as readonly string[]).includes(strategy)) return strategy as ContextStrategy
  throw invalid('context_strategy', `context_strategy must be one of ${contextStrategies.join(', ')}`)
}

import { free, type Price } from '#contracts/index.ts'

/** US dollars per million tokens: input, output, input read from the upstream's cache. */
type ListPrice = readonly [input: number, output: number, cachedInput?: number]

/**
 * Public list prices of well-known models as they were known when this was written. They are defaults: vendors change
 * them, and a contract may say otherwise, so the operator checks them and overrides them per upstream (`prices`).
 */
const listPrices: Record<string, ListPrice> = {
  'gpt-5.1': [1.25, 10, 0.125],
  'gpt-5': [1.25, 10, 0.125],
  'gpt-5-mini': [0.25, 2, 0.025],
  'gpt-5-nano': [0.05, 0.4, 0.005],
  'gpt-5-pro': [15, 120],
  'gpt-4.1': [2, 8, 0.5],
  'gpt-4.1-mini': [0.4, 1.6, 0.1],
  'gpt-4.1-nano': [0.1, 0.4, 0.025],
  'gpt-4o': [2.5, 10, 1.25],
  'gpt-4o-2024-05-13': [5, 15],
  'gpt-4o-audio-preview': [2.5, 10],
  'gpt-4o-mini': [0.15, 0.6, 0.075],
  'gpt-4o-mini-audio-preview': [0.15, 0.6],
  'gpt-4-turbo': [10, 30],
  'gpt-4': [30, 60],
  'gpt-4-32k': [60, 120],
  'gpt-3.5-turbo': [0.5, 1.5],
  'chatgpt-4o-latest': [5, 15],
  o1: [15, 60, 7.5],
  'o1-mini': [1.1, 4.4, 0.55],
  'o1-pro': [150, 600],
  o3: [2, 8, 0.5],
  'o3-mini': [1.1, 4.4, 0.55],
  'o3-pro': [20, 80],
  'o4-mini': [1.1, 4.4, 0.275],
  'text-embedding-3-small': [0.02, 0],
  'text-embedding-3-large': [0.13, 0],
  'text-embedding-ada-002': [0.1, 0],

  'claude-opus-4-5': [5, 25, 0.5],
  'claude-opus-4-1': [15, 75, 1.5],
  'claude-opus-4': [15, 75, 1.5],
  'claude-sonnet-4-5': [3, 15, 0.3],
  'claude-sonnet-4': [3, 15, 0.3],
  'claude-haiku-4-5': [1, 5, 0.1],
  'claude-3-7-sonnet': [3, 15, 0.3],
  'claude-3-5-sonnet': [3, 15, 0.3],
  'claude-3-5-haiku': [0.8, 4, 0.08],
  'claude-3-opus': [15, 75, 1.5],
  'claude-3-haiku': [0.25, 1.25, 0.03],

  'gemini-3-pro': [2, 12, 0.2],
  'gemini-2.5-pro': [1.25, 10, 0.125],
  'gemini-2.5-flash': [0.3, 2.5, 0.03],
  'gemini-2.5-flash-lite': [0.1, 0.4, 0.01],
  'gemini-2.0-flash': [0.1, 0.4, 0.025],
  'gemini-2.0-flash-lite': [0.075, 0.3],
  'gemini-1.5-pro': [1.25, 5],
  'gemini-1.5-flash': [0.075, 0.3],
  'gemini-1.5-flash-8b': [0.0375, 0.15],

  'deepseek-chat': [0.28, 0.42, 0.028],
  'deepseek-reasoner': [0.28, 0.42, 0.028],
  'mistral-large': [2, 6],
  'mistral-medium': [0.4, 2],
  'mistral-small': [0.1, 0.3],
  codestral: [0.3, 0.9],
  'grok-4': [3, 15, 0.75],
  'grok-3': [3, 15, 0.75],
  'grok-3-mini': [0.3, 0.5, 0.075],
}

const known = new Map<string, Price>(
  Object.entries(listPrices).map(([name, [input, output, cachedInput]]) => [
    name,
    {
      input: micros(input),
      output: micros(output),
      ...(cachedInput !== undefined && { cachedInput: micros(cachedInput) }),
    },
  ]),
)

/**
 * The default price of a model by its upstream's own name. A dated or tagged name has the price of the longest known
 * name it begins with, cut at `-`, `:`, `@` or `_` (`gpt-4o-2024-11-20` as `gpt-4o`); a maker before a slash is passed
 * over (`openai/gpt-4o`). An unknown model is free: what is not known is not charged.
 */
export function priceOf(model: string): Price {
  let name = model.slice(model.lastIndexOf('/') + 1)
  while (name !== '') {
    const price = known.get(name)
    if (price) return price
    const cut = lastBoundary(name)
    if (cut <= 0) return free
    name = name.slice(0, cut)
  }
  return free
}

function lastBoundary(name: string): number {
  for (let at = name.length - 1; at > 0; at--) {
    const sign = name[at]
    if (sign === '-' || sign === ':' || sign === '@' || sign === '_') return at
  }
  return -1
}

function micros(dollars: number): number {
  return Math.round(dollars * 1e6)
}

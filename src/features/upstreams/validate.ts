import type { Price } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'

export interface UpstreamInput {
  name: string
  kind: string
  endpoint: string
  secret?: string | null
  /** The upstream's names of what is to be offered; empty: what it lists itself. */
  models?: string[]
  /** Outside name → the upstream's own. */
  modelMap?: Record<string, string>
  prices?: Record<string, Price>
  weight?: number
  priority?: number
  enabled?: boolean
}

/** Absent: as it was. `secret: null` or an empty one removes it. */
export type UpstreamChange = Partial<UpstreamInput>

const mostModels = 2_000
const longestName = 200
const dearest = 1e12

/**
 * Checks what is given and returns it in the form it is kept in. Throws `invalid-request` naming the field as it stands
 * on the wire (`model_map`), whatever type the caller really sent.
 */
export function validate<T extends UpstreamChange>(input: T, kinds: readonly string[]): T {
  const { name, kind, secret, enabled } = input
  if (name !== undefined && !(typeof name === 'string' && /^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name) && name !== 'auto'))
    throw invalid('name', 'A name has 1 to 63 letters, digits, dots, dashes or underscores, and is not "auto"')
  if (kind !== undefined && !kinds.includes(kind)) throw invalid('kind', `The kind is one of ${kinds.join(', ')}`)
  if (secret !== undefined && secret !== null && !(typeof secret === 'string' && /^[\x21-\x7e]{0,4096}$/.test(secret)))
    throw invalid('secret', 'A secret has only printable ASCII characters, without spaces')
  if (enabled !== undefined && typeof enabled !== 'boolean') throw invalid('enabled', 'enabled is true or false')
  integer('weight', input.weight, 1, 1_000)
  integer('priority', input.priority, 0, 10_000)
  if (input.models !== undefined) checkModels(input.models)
  if (input.modelMap !== undefined) checkMap(input.modelMap)
  if (input.prices !== undefined) checkPrices(input.prices)
  return {
    ...input,
    ...(input.endpoint !== undefined && { endpoint: readEndpoint(input.endpoint) }),
    ...(input.models !== undefined && { models: [...new Set(input.models)] }),
  }
}

function readEndpoint(text: string): string {
  const wanted = () => invalid('endpoint', 'The endpoint is an http: or https: URL without user, query or fragment')
  if (typeof text !== 'string' || text.length > 2_000 || !URL.canParse(text)) throw wanted()
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!/^https?:$/.test(url.protocol) || !plain) throw wanted()
  return url.toString().replace(/\/+$/, '')
}

function integer(field: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(field, `${field} is a whole number from ${least} to ${most}`)
}

function checkModels(models: unknown): void {
  if (!Array.isArray(models) || models.length > mostModels || !models.every(isModelName))
    throw invalid('models', `models is a list of at most ${mostModels} model names`)
}

function checkMap(map: unknown): void {
  const pairs = pairsOf('model_map', map)
  for (const [name, model] of pairs)
    if (!isModelName(name) || !isModelName(model)) throw invalid('model_map', 'model_map has model names on both sides')
}

function checkPrices(prices: unknown): void {
  for (const [name, price] of pairsOf('prices', prices)) {
    if (!isModelName(name)) throw invalid('prices', 'prices are given by model name')
    const { input, output, cachedInput, ...rest } = (price ?? {}) as Partial<Price>
    const known = isPrice(input) && isPrice(output) && (cachedInput === undefined || isPrice(cachedInput))
    if (!known || Object.keys(rest).length > 0)
      throw invalid(
        `prices.${name}`,
        'A price has input, output and optionally cached_input: whole micros of a US dollar per million tokens',
      )
  }
}

function pairsOf(field: string, object: unknown): [string, unknown][] {
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw invalid(field, `${field} is an object`)
  const pairs = Object.entries(object)
  if (pairs.length > mostModels) throw invalid(field, `${field} has at most ${mostModels} entries`)
  return pairs
}

export function isModelName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= longestName && /^[^\s\p{C}]+( [^\s\p{C}]+)*$/u.test(name)
}

function isPrice(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= dearest
}

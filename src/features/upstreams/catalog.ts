import { free, type Price } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { priceOf } from '#metering/index.ts'
import { chooseDefault } from './default-model.ts'
import type { Upstream } from './upstream.ts'

/** One upstream's answer to one outside name. */
export interface Offer {
  upstream: Upstream
  /** The upstream's own name of the model. */
  model: string
  price: Price
}

export interface OfferedModel {
  id: string
  upstream: string
  kind: string
  /** Unix ms. */
  createdAt: number
  price: Price
}

export interface Catalog {
  /** Who can answer for this name, by priority; empty: nobody. */
  offersFor(name: string): readonly Offer[]
  /** Every listed name once, with the upstream that is asked first. */
  models(): OfferedModel[]
  find(name: string): OfferedModel | undefined
  defaultModel(): string
}

export const builtinModel = 'builtin/extractive'

/**
 * Which names these upstreams offer. A name is looked for as it is, then as `<upstream>/<model>`, then among upstreams
 * whose list is not known and whose kind it fits; an OpenAI-compatible one of those takes what nobody else does.
 * `auto` is the default model.
 */
export function catalog(upstreams: readonly Upstream[]): Catalog {
  const ranked = [...upstreams].sort((a, b) => a.priority - b.priority || a.id - b.id)
  const byName = new Map(ranked.map((upstream) => [upstream.name, upstream]))
  const unlisted = ranked.filter((upstream) => upstream.models.length === 0 && upstream.kind !== 'builtin')
  const index = new Map<string, Offer[]>()
  const listed = new Map<string, OfferedModel>()

  for (const upstream of ranked) {
    const own = ownNames(upstream)
    for (const [name, model] of own) {
      const offer = offerOf(upstream, name, model)
      add(name, offer)
      if (!listed.has(name)) listed.set(name, describe(name, offer))
    }
    for (const [name, model] of shortNames(upstream)) if (!own.has(name)) add(name, offerOf(upstream, name, model))
  }

  function add(name: string, offer: Offer): void {
    const others = index.get(name)
    if (others) others.push(offer)
    else index.set(name, [offer])
  }

  function offersFor(asked: string): readonly Offer[] {
    const name = asked === 'auto' ? defaultModel() : asked
    const exact = index.get(name)
    if (unlisted.length === 0 && exact) return exact
    if (!exact) {
      const named = offerOfNamed(name)
      if (named) return [named]
    }
    const claimed = unlisted.filter(
      (upstream) => claims(upstream, name) && !exact?.some((o) => o.upstream === upstream),
    )
    if (exact && claimed.length === 0) return exact
    const takers = exact || claimed.length > 0 ? claimed : unlisted.filter(({ kind }) => kind === 'openai-compatible')
    const offers = takers.map((upstream) => offerOf(upstream, name, name))
    return exact ? [...exact, ...offers].sort((a, b) => a.upstream.priority - b.upstream.priority) : offers
  }

  function offerOfNamed(name: string): Offer | undefined {
    const slash = name.indexOf('/')
    const upstream = slash > 0 ? byName.get(name.slice(0, slash)) : undefined
    if (!upstream || upstream.kind === 'builtin') return undefined
    const rest = name.slice(slash + 1)
    const listedOffer = index.get(rest)?.find((offer) => offer.upstream === upstream)
    if (listedOffer || upstream.pinned || rest === '') return listedOffer
    // Aliases and fine-tuned models often stand in no list, and here the caller said whom to ask.
    return offerOf(upstream, rest, rest)
  }

  function defaultModel(): string {
    return chooseDefault(ranked) ?? builtinModel
  }

  return {
    offersFor,
    models: () => [...listed.values()],
    find(name) {
      const known = listed.get(name)
      if (known) return known
      const [first] = offersFor(name)
      return first && describe(name === 'auto' ? defaultModel() : name, first)
    },
    defaultModel,
  }
}

export function unknownModel(name: string): AppError {
  return new AppError('not-found', `The model ${JSON.stringify(name.slice(0, 200))} does not exist here`, {
    details: { field: 'model' },
  })
}

function ownNames(upstream: Upstream): Map<string, string> {
  if (upstream.kind === 'builtin') return new Map(upstream.models.map((model) => [`${upstream.name}/${model}`, model]))
  return new Map([...upstream.models.map((model): [string, string] => [model, model]), ...upstream.modelMap])
}

/** Names that people use for a listed model although the list has a longer one; accepted, not listed. */
function* shortNames(upstream: Upstream): Iterable<[string, string]> {
  const longer =
    upstream.kind === 'anthropic' ? /-\d{8}$/ : upstream.kind === 'openai-compatible' ? /:latest$/ : undefined
  if (!longer) return
  const newest = new Map<string, string>()
  for (const model of upstream.models) {
    const short = model.replace(longer, '')
    if (short !== model && model > (newest.get(short) ?? '')) newest.set(short, model)
  }
  yield* newest
}

function claims(upstream: Upstream, name: string): boolean {
  if (upstream.kind === 'anthropic') return name.startsWith('claude')
  if (upstream.kind === 'google') return name.startsWith('gemini') || name.startsWith('gemma')
  return false
}

function offerOf(upstream: Upstream, name: string, model: string): Offer {
  const own = upstream.prices.get(name) ?? upstream.prices.get(model)
  return { upstream, model, price: own ?? (upstream.unpriced ? free : priceOf(model)) }
}

function describe(id: string, { upstream, price }: Offer): OfferedModel {
  return { id, upstream: upstream.name, kind: upstream.kind, createdAt: upstream.createdAt, price }
}

import { setTimeout as wait } from 'node:timers/promises'
import type { ErrorCode } from '#errors/index.ts'
import { abortSignalOf } from '#lib/cancellation.ts'
import type { HttpClient } from '#lib/http-client/index.ts'
import type { Moderate, OpenModel, Provider, Timeouts } from '#providers/spec.ts'
import type { Database } from '#store/index.ts'
import { administer } from './administer.ts'
import type { CircuitState } from './breaker.ts'
import type { OfferedModel } from './catalog.ts'
import { type EnvironmentUpstreams, givenBy, writeEnvironment } from './environment.ts'
import { fetchModels, type Log, listModels } from './list-models.ts'
import { canModerate, moderate } from './moderate.ts'
import { openModel } from './open-model.ts'
import { present, type UpstreamView } from './present.ts'
import { snapshot } from './snapshot.ts'
import { readRows, type UpstreamRow } from './store.ts'
import type { UpstreamChange, UpstreamInput } from './validate.ts'

export interface UpstreamsDeps {
  database: Database
  /** Unix ms. */
  now(): number
  /** deriveKey(master, 'upstreams'). */
  secretKey: Buffer
  /** By kind. */
  providers: Record<string, Provider>
  http: HttpClient
  /** 0 (included) to 1 (not included). */
  random?(): number
  timeouts?: Partial<Timeouts>
  log?: Log
  onHealthChange?(name: string, previous: CircuitState, state: CircuitState): void
  /** Where a local Ollama is looked for when the environment names none; false: nowhere. */
  localOllama?: string | false
  /** Resolves after `ms`, rejects when the signal aborts. */
  wait?(ms: number, signal: AbortSignal): Promise<unknown>
}

export interface UpstreamHealth {
  name: string
  state: CircuitState
  failures: number
  lastError?: ErrorCode
  /** Unix ms since when it is in this state. */
  since: number
}

export interface Upstreams {
  /**
   * Writes what the environment gives and begins to look after the upstreams: their lists every ten minutes, changes made
   * by other processes every five seconds. Call it once. Awaits the database, never the network.
   */
  discover(environment: EnvironmentUpstreams): Promise<void>
  create(input: UpstreamInput): Promise<UpstreamView>
  update(id: string, change: UpstreamChange): Promise<UpstreamView>
  remove(id: string): Promise<void>
  get(id: string): Promise<UpstreamView>
  list(): Promise<UpstreamView[]>
  /** Every model on offer, once. */
  models(): OfferedModel[]
  /** The model a call with this name would use, listed or not; `auto` gives the default one. Undefined: nobody offers it. */
  findModel(name: string): OfferedModel | undefined
  defaultModel(): string
  openModel: OpenModel
  moderate: Moderate
  /** Whether there is an upstream of this name that has a moderation endpoint. */
  canModerate(upstream: string): boolean
  /** Asks every upstream for its list now; resolves when all have answered or failed. */
  refreshModels(): Promise<void>
  health(): UpstreamHealth[]
  /** Stops looking after them; resolves when nothing of it is under way. */
  close(): Promise<void>
}

const listEveryMs = 10 * 60_000
const lookEveryMs = 5_000
/** As long as a model may think, or a server hold a tool call back until it has all of it, without a sign of life. */
const silenceMs = 300_000
const defaultTimeouts: Timeouts = {
  connectMs: 10_000,
  firstPartMs: silenceMs,
  betweenPartsMs: silenceMs,
  wholeMs: 600_000,
}
const probeTimeouts: Timeouts = { connectMs: 500, firstPartMs: 1_000, betweenPartsMs: 1_000, wholeMs: 1_500 }

export function upstreams(deps: UpstreamsDeps): Upstreams {
  const { database, now, secretKey, providers, log, localOllama = 'http://127.0.0.1:11434/v1' } = deps
  const closing = new AbortController()
  const timers: NodeJS.Timeout[] = []
  const underWay = new Set<Promise<void>>()
  const current = snapshot({
    ...deps,
    onUnusable: (name) =>
      log?.warn(
        { upstream: name },
        'upstream cannot be used: its kind is unknown, or its secret was sealed with another key',
      ),
  })
  const lists = listModels({ ...deps, current, closing: closing.signal })
  const verbs = administer({ ...deps, kinds: Object.keys(providers).filter((kind) => kind !== 'builtin') })

  /** Work that nobody waits for: its failure is logged, and `close` waits for it. */
  function background(task: () => Promise<void>): void {
    if (closing.signal.aborted) return
    const running = task()
      .catch((err: unknown) => log?.warn({ err }, 'upstreams could not be looked after'))
      .finally(() => underWay.delete(running))
    underWay.add(running)
  }

  function every(ms: number, task: () => Promise<void>): void {
    timers.push(setInterval(() => background(task), ms).unref())
  }

  async function discover(environment: EnvironmentUpstreams): Promise<void> {
    const probing = localOllama !== false && environment.ollama === undefined
    // What the probe found the last time stands until it has looked again.
    const given = givenBy(environment).filter(({ name }) => !(probing && name === 'ollama'))
    const shadowed = await database.write((tx) => writeEnvironment(tx, given, { secretKey, now: now() }))
    for (const name of shadowed)
      log?.warn({ upstream: name }, 'not taken from the environment: an administrator made an upstream of this name')
    await current.reload()
    const look = async () => {
      await Promise.all([lists.refreshAll(), probing && findOllama(localOllama)])
      await lists.refreshNew()
    }
    background(look)
    every(listEveryMs, look)
    every(lookEveryMs, async () => {
      await current.reload()
      await lists.refreshNew()
    })
  }

  async function findOllama(url: string): Promise<void> {
    const provider = providers['openai-compatible']
    if (!provider) return
    const found = await fetchModels(provider, { url }, { ...deps, closing: closing.signal }, probeTimeouts).then(
      () => true,
      () => false,
    )
    if (closing.signal.aborted) return
    const given = givenBy(found ? { ollama: { url } } : {}).filter(({ name }) => name === 'ollama')
    await database.write((tx) => writeEnvironment(tx, given, { secretKey, now: now() }))
    await current.reload()
  }

  async function changed(): Promise<void> {
    await current.reload()
    background(lists.refreshNew)
  }

  function view(row: UpstreamRow): UpstreamView {
    const upstream = current.upstreams().find(({ id }) => id === row.id)
    return present(row, {
      secretKey,
      listed: current.listedBy(row),
      ...(upstream && { health: upstream.breaker.circuit().state }),
    })
  }

  return {
    discover,
    async create(input) {
      const row = await verbs.create(input)
      await changed()
      return view(row)
    },
    async update(id, change) {
      const row = await verbs.update(id, change)
      await changed()
      return view(row)
    },
    async remove(id) {
      await verbs.remove(id)
      await changed()
    },
    get: async (id) => view(await verbs.get(id)),
    list: async () => (await readRows(database.read)).map(view),
    models: () => current.catalog().models(),
    findModel: (name) => current.catalog().find(name),
    defaultModel: () => current.catalog().defaultModel(),
    openModel: openModel({
      offersFor: (name) => current.catalog().offersFor(name),
      random: deps.random ?? Math.random,
      http: deps.http,
      timeouts: { ...defaultTimeouts, ...deps.timeouts },
      wait: deps.wait ?? ((ms, signal) => wait(ms, undefined, { signal: abortSignalOf(signal) })),
      ...(log && { log }),
    }),
    moderate: moderate({ ...deps, upstreams: current.upstreams }),
    canModerate: (name) => canModerate(current.upstreams(), name),
    refreshModels: lists.refreshAll,
    health: () => current.upstreams().map(({ name, breaker }) => ({ name, ...breaker.circuit() })),
    async close() {
      for (const timer of timers) clearInterval(timer)
      closing.abort()
      await Promise.allSettled(underWay)
    },
  }
}

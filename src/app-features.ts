/** A part of the wiring: the features over one database, and what they are lent by rooms that they may not import. */
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '#config/index.ts'
import { type AskDeps, checkProblem, compileRules, Passed, tryRules } from '#engine/moderation/index.ts'
import { apps } from '#features/apps/index.ts'
import { auth, keySet } from '#features/auth/index.ts'
import { conversations } from '#features/conversations/index.ts'
import { executions } from '#features/executions/index.ts'
import { feedback } from '#features/feedback/index.ts'
import { type BookCall, guardrails } from '#features/guardrails/index.ts'
import { history, transcriptFiles } from '#features/history/index.ts'
import { keys } from '#features/keys/index.ts'
import { notifications, upstreamHealth } from '#features/notifications/index.ts'
import { retention } from '#features/retention/index.ts'
import { transcripts } from '#features/transcripts/index.ts'
import { type Upstreams, type UpstreamsDeps, upstreams } from '#features/upstreams/index.ts'
import { usage } from '#features/usage/index.ts'
import { users } from '#features/users/index.ts'
import { workspaces } from '#features/workspaces/index.ts'
import { HttpClient } from '#lib/http-client/index.ts'
import { deriveKey } from '#lib/seal.ts'
import type { Signal } from '#lib/signal.ts'
import { providers } from '#providers/index.ts'
import type { Blobs } from '#store/blobs/index.ts'
import type { Database } from '#store/index.ts'

/** What tests may put in place of the real thing. */
export interface FeatureOverrides {
  /** Looks for an Ollama on this machine. */
  localOllama?: false
  timeouts?: UpstreamsDeps['timeouts']
  /** How long guardrails wait for those whom they ask. */
  guardrails?: Partial<AskDeps['timeouts']>
}

export interface AppFeaturesDeps {
  config: Pick<Config, 'identity' | 'upstreams'>
  database: Database
  blobs: Blobs
  now(): number
  log: FastifyBaseLogger
  /** The master secret. */
  secret: string
  /** Fired by features when what somebody may do has changed. */
  accessChanged: Signal
  /** Puts into the history what still waits to be: by the queue, which needs features itself. Must not throw. */
  catchUp(): Promise<void>
  /** By the turns, which need features themselves. */
  bookCall: BookCall
  overrides: FeatureOverrides
}

/** How long a first start waits for the upstreams' model lists. */
const firstListMs = 1_000

export type AppFeatures = Awaited<ReturnType<typeof appFeatures>>

/** All features, with the environment's upstreams found. They are taken down by `close`, after all that uses them. */
export async function appFeatures(deps: AppFeaturesDeps) {
  const { config, database, blobs, now, log, secret, accessChanged, catchUp, overrides } = deps
  const common = { database, now, accessChanged }
  const http = new HttpClient()
  const health = upstreamHealth({ database, now, log })

  const people = users(common)
  const spaces = workspaces({ ...common, users: people })
  const applications = apps(common)
  const said = history({ database, now, log, catchUp })
  const models = upstreams({
    ...common,
    secretKey: deriveKey(secret, 'upstreams'),
    providers,
    http,
    log,
    onHealthChange: (name, _, state) => health.changed(name, state),
    ...(overrides.localOllama === false && { localOllama: false as const }),
    ...(overrides.timeouts && { timeouts: overrides.timeouts }),
  })
  const asking: AskDeps = {
    openModel: models.openModel,
    moderate: models.moderate,
    now,
    log,
    timeouts: { endpointMs: 5_000, judgeMs: 15_000, ...overrides.guardrails },
    passed: new Passed(),
  }
  const { identity } = config

  const features = {
    users: people,
    workspaces: spaces,
    keys: keys({ ...common, workspaces: spaces }),
    apps: applications,
    conversations: conversations(common),
    history: said,
    transcriptFiles: transcriptFiles({ database, now, log, history: said, blobs, transcripts: transcripts() }),
    feedback: feedback(common),
    usage: usage(common),
    notifications: notifications({ database, now, log }),
    executions: executions(common),
    upstreams: models,
    guardrails: guardrails({
      ...common,
      workspaces: spaces,
      apps: applications,
      checkProblem,
      tryRules: async (list, text, where) =>
        tryRules(await compileRules(list), { text, where }, { ...asking, passed: undefined }),
      bookCall: deps.bookCall,
      hasModel: (name) => models.findModel(name) !== undefined,
      hasModeration: models.canModerate,
    }),
    retention: retention({ ...common, log, users: people, workspaces: spaces, history: said, catchUp, blobs }),
    auth: auth({
      ...common,
      secret,
      users: people,
      ...(identity && {
        identity: { settings: identity, keyFor: keySet({ url: identity.jwksUrl, now, log }) },
      }),
    }),
  }
  await findModels(models, config.upstreams)

  return {
    ...features,
    /** How guardrails reach those whom they ask. */
    asking,
    async close(): Promise<void> {
      await features.history.close()
      await features.notifications.close()
      features.executions.close()
      await features.upstreams.close()
      await health.close()
      http.close()
    },
  }
}

async function findModels(upstreams: Upstreams, environment: Config['upstreams']): Promise<void> {
  await upstreams.discover(environment)
  // `auto` would mean the builtin until the first list is there; a list that was stored before needs no waiting.
  const listed = upstreams.models().some((model) => model.kind !== 'builtin')
  if (listed || Object.keys(environment).length === 0) return
  const late = new Promise((resolve) => setTimeout(resolve, firstListMs).unref())
  await Promise.race([upstreams.refreshModels(), late])
}

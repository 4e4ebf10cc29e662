import type {
  ConversationAsk,
  ConversationSettings,
  Message,
  Price,
  Sampling,
  ToolSpec,
  TurnRequest,
} from '#contracts/index.ts'
import type { ContextPolicy, EngineRequest } from '#engine/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { type ConversationRow, type NewConversation, titleFrom } from '#features/conversations/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { TurnApp, TurnsDeps } from './deps.ts'
import { type GuardedInput, guardFor, readInput } from './guard.ts'

/** A request with everything looked up: what it runs on, with which history, as which rows. */
export interface PreparedTurn {
  publicId: string
  /** Unix ms; the same in the row, in the answer and in every replay of it. */
  createdAt: number
  request: TurnRequest
  app?: TurnApp
  conversation?: PreparedConversation
  model: string
  price: Price
  engine: EngineRequest
  /** The messages that are new with this turn, to be stored. */
  messages: Message[]
  /** What a new conversation is called after. */
  title: string
  /** Set where there are guardrails. */
  input?: GuardedInput
  /** A rough estimate; exact figures come with the upstream's usage. */
  inputTokens: number
}

/** The conversation that a turn goes on in, or the one that it starts. */
export interface PreparedConversation {
  publicId: string
  settings: ConversationSettings
  /** Absent: it does not exist yet. */
  row?: ConversationRow
  draft?: NewConversation
  /** What the turn changes of the settings of one that exists. */
  changed?: ConversationSettings
}

const defaultHistoryTurns = 20
const noContextLimit: ContextPolicy = { strategy: 'truncate', maxTokens: 0 }

/** Reads only. Throws `not-found`, `unsupported`, `forbidden` or `invalid-request`; nothing has been written then. */
export async function prepare(deps: TurnsDeps, request: TurnRequest): Promise<PreparedTurn> {
  const { target } = request
  if (request.messages.length === 0) throw invalid('messages', 'messages must not be empty')
  const app = target.type === 'app' ? await runnableApp(deps, request, target.appId) : undefined
  const held = guardFor(deps, request.principal.workspace.id, app?.id)
  const guard = held instanceof Promise ? await held : held
  const input = guard && (await readInput(guard, request.messages))
  const asked = input?.messages ?? request.messages
  const continued = request.conversationId !== undefined || request.newConversation === true
  // What nobody may see yet gives no title either.
  const title = continued && !input?.isOpen ? titleFrom(asked) : ''
  const place = continued ? await conversationOf(deps, request, app, title) : undefined
  const { model, price } = deps.models.resolve(target.type === 'app' ? modelOf(deps, app!, place) : target.model)
  const turns = app?.config.historyLength ?? defaultHistoryTurns
  const history = place?.row ? await deps.conversations.history(place.row, turns) : []
  // A stateless request, and the first of a conversation, brings its history itself; later ones may repeat it.
  const system = asked.filter((message) => message.role === 'system')
  const given = system.length === 0 ? [...asked] : asked.filter((message) => message.role !== 'system')
  const fresh = place !== undefined && history.length === 0 ? given : sinceLastAnswer(given)
  const prompt: Message[] = app?.config.systemPrompt
    ? [{ role: 'system', parts: [{ type: 'text', text: app.config.systemPrompt }] }]
    : []
  // Where a caller put its system messages among the others is kept as long as nothing is put between.
  const messages = history.length > 0 ? [...prompt, ...system, ...history, ...fresh] : [...prompt, ...asked]

  const tools = app && place ? [...request.tools, ...toolsOf(deps, app, place, request)] : request.tools
  const mustCall = request.toolChoice === 'required' || typeof request.toolChoice === 'object'
  if (mustCall && tools.length === 0)
    throw invalid('tool_choice', 'tool_choice can ask for a call only where there are tools')

  const createdAt = deps.now()
  return {
    publicId: uuidv7(createdAt),
    createdAt,
    request,
    app,
    conversation: place,
    model,
    price,
    engine: {
      model,
      messages,
      context: app?.config.context ?? noContextLimit,
      sampling: app ? merged(app.config.sampling, request.sampling) : request.sampling,
      tools,
      toolChoice: request.toolChoice,
      parallelToolCalls: request.parallelToolCalls,
      clientTools: request.clientTools,
      responseFormat: request.responseFormat,
      providerOptions: request.providerOptions ?? {},
      whole: request.delivery === 'whole',
    },
    messages: fresh,
    title,
    ...(input && { input }),
    inputTokens: roughTokens(messages),
  }
}

async function runnableApp(deps: TurnsDeps, request: TurnRequest, appId: string): Promise<TurnApp> {
  const app = await deps.apps.getForTurn(request.principal, appId)
  if (app.type !== 'chat')
    throw new AppError('unsupported', `Applications of type ${app.type} cannot be run by this server`, {
      details: { field: 'application_id', type: app.type },
    })
  return app
}

async function conversationOf(
  deps: TurnsDeps,
  request: TurnRequest,
  app: TurnApp | undefined,
  title: string,
): Promise<PreparedConversation> {
  const { conversationId, principal, conversation: ask = {} } = request
  const { continueLast, ...about } = ask
  const appId = app?.id ?? null
  if (conversationId !== undefined) {
    const found = await deps.conversations.find(principal, conversationId, appId)
    if (found && found.appId !== appId)
      throw new AppError('conflict', 'This session belongs to another application', {
        details: { field: 'session_id' },
      })
    if (found?.status === 'archived')
      throw new AppError('conflict', 'This session is archived', { details: { field: 'session_id' } })
    if (found) return goingOn(found, ask)
    if (!request.newConversation) throw new AppError('not-found', 'Session not found')
  }
  if (continueLast && app) {
    const { objectId = null, externalUserId = null } = about
    const last = await deps.conversations.findLast(principal, { appId: app.id, objectId, externalUserId })
    if (last) return goingOn(last, ask)
  }
  const draft = deps.conversations.draft(principal, {
    appId,
    ...(conversationId !== undefined && { externalId: conversationId }),
    ...about,
    title,
  })
  return { publicId: draft.publicId, draft, settings: draft.settings }
}

function goingOn(row: ConversationRow, { settings }: ConversationAsk): PreparedConversation {
  return {
    publicId: row.publicId,
    row,
    settings: { ...row.settings, ...settings },
    ...(settings && { changed: settings }),
  }
}

/** The model that the conversation was switched to, as long as somebody offers it, else the app's own. */
function modelOf(deps: TurnsDeps, app: TurnApp, conversation: PreparedConversation | undefined): string {
  const chosen = conversation?.settings.model
  return chosen !== undefined && deps.models.isOffered(chosen) ? chosen : app.config.model
}

/** The conversation's tools. One that was set earlier and is gone is left out; one that is set now must be there. */
function toolsOf(deps: TurnsDeps, app: TurnApp, { settings }: PreparedConversation, request: TurnRequest): ToolSpec[] {
  const asked = request.conversation?.settings?.tools ?? []
  return (settings.tools ?? []).flatMap((name) => {
    const tool = deps.findTool(name, app)
    if (!tool && asked.includes(name))
      throw new AppError('unsupported', `The tool '${name}' is not configured here`, { details: { field: name } })
    return tool && !request.tools.some((given) => given.name === name) ? [tool] : []
  })
}

function sinceLastAnswer(messages: Message[]): Message[] {
  const last = messages.findLastIndex((message) => message.role === 'assistant')
  return last < 0 ? messages : messages.slice(last + 1)
}

/** The request's own values win over the app's; what neither gives stays the upstream's. */
function merged(app: Sampling, request: Sampling): Sampling {
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined))
  return { ...app, ...given }
}

/** By length alone: bodies may be large, and this only has to do until the upstream tells. */
function roughTokens(messages: readonly Message[]): number {
  let characters = 0
  for (const message of messages)
    for (const part of message.parts) {
      if (part.type === 'text') characters += part.text.length
      else if (part.type === 'tool-result') characters += part.result.length
      else if (part.type === 'tool-call') characters += part.arguments.length
      else if (part.type === 'image') characters += 3200
      else if (part.type === 'file') characters += part.text?.length ?? 0
    }
  return Math.ceil(characters / 4)
}

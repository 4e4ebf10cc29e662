import { type Principal, type ToolSpec, type TurnRequest, type TurnTarget, textOf } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import type { App } from '#features/apps/index.ts'
import type { Fields } from './codec.ts'
import type { ChatMessage } from './decode-message.ts'
import type { NodeToolSocketDeps } from './deps.ts'
import { plain } from './fields.ts'

type Deps = Pick<NodeToolSocketDeps, 'apps' | 'conversations' | 'upstreams'>

/** Messages of the conversation that a workflow is given. */
const historyTurns = 50

/** What is said → the turn that answers it. Throws `not-found` naming the field. */
export async function turnRequest(
  deps: Deps,
  principal: Principal,
  message: ChatMessage,
  tools: ToolSpec[],
): Promise<TurnRequest> {
  const { parts, name, idempotencyKey } = message
  return {
    principal,
    door: 'nodetool-socket',
    ...(await destinationOf(deps, principal, message)),
    newConversation: true,
    messages: [{ role: 'user', parts, ...(name !== undefined && { name }) }],
    sampling: {},
    tools,
    clientTools: 'await',
    leave: 'continue',
    delivery: 'stream',
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  }
}

/**
 * What answers a message: the workflow it names, else the app its thread belongs to, else a model. `conversationId` may be
 * the client's own name for a thread; one that is not the client's to read is unknown, and so begins a new one of its own.
 */
async function destinationOf(
  deps: Deps,
  principal: Principal,
  message: ChatMessage,
): Promise<{ target: TurnTarget; conversationId?: string }> {
  const { threadId } = message
  if (message.workflowId !== undefined) {
    const app = await appOf(deps, principal, message.workflowId)
    const target = await appTarget(deps, principal, app, message)
    return { target, ...(threadId !== undefined && { conversationId: threadId }) }
  }
  const thread = threadId === undefined ? undefined : await deps.conversations.find(principal, threadId, null)
  if (thread?.appPublicId) {
    const app = await deps.apps.get(principal, thread.appPublicId)
    return { target: await appTarget(deps, principal, app, message), conversationId: thread.publicId }
  }
  const target: TurnTarget = { type: 'model', model: modelOf(deps, message) }
  return { target, ...(threadId !== undefined && { conversationId: threadId }) }
}

/** A workflow is an app, by id or slug. Throws `not-found` naming the field. */
export async function appOf(deps: Pick<Deps, 'apps'>, principal: Principal, workflowId: string): Promise<App> {
  try {
    return await deps.apps.get(principal, workflowId)
  } catch (thrown) {
    if (toAppError(thrown).code !== 'not-found') throw thrown
    throw new AppError('not-found', 'Workflow not found', { details: { field: 'workflow_id' } })
  }
}

/** A workflow takes the message and what was said before it, under the names that its inputs have. */
async function appTarget(deps: Deps, principal: Principal, app: App, message: ChatMessage): Promise<TurnTarget> {
  const target: TurnTarget = { type: 'app', appId: app.publicId }
  if (app.type !== 'workflow') return target
  const { inputNames } = message
  const said = { type: 'message', ...(plain(message.given) as Fields) }
  const history = await historyOf(deps, principal, app, message.threadId)
  return { ...target, inputs: { [inputNames.message]: said, [inputNames.messages]: [...history, said] } }
}

async function historyOf(
  { conversations }: Pick<Deps, 'conversations'>,
  principal: Principal,
  app: App,
  threadId: string | undefined,
): Promise<Fields[]> {
  const thread = threadId === undefined ? undefined : await conversations.find(principal, threadId, app.id)
  if (!thread || thread.appId !== app.id) return []
  const turns = await conversations.turnsOf(thread.id, historyTurns, { after: thread.clearedThrough })
  return turns.flatMap((turn) => [
    ...turn.messages.map(({ role, parts }) => ({ type: 'message', role, content: textOf(parts), thread_id: threadId })),
    ...(turn.status === 'running'
      ? []
      : [{ type: 'message', role: 'assistant', content: textOf(turn.parts), thread_id: threadId }]),
  ])
}

/**
 * The model by the name it goes by here. A provider that is an upstream of this server is the one asked; any other name of
 * a provider says nothing here, and whoever offers the model is asked.
 */
function modelOf({ upstreams }: Pick<Deps, 'upstreams'>, { model, provider }: ChatMessage): string {
  if (model === undefined) return 'auto'
  if (provider === undefined || upstreams.findModel(model)?.upstream === provider) return model
  const named = `${provider}/${model}`
  return upstreams.findModel(named)?.upstream === provider ? named : model
}

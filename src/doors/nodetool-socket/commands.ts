import type { Part, Principal } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import type { Turn } from '#turns/index.ts'
import type { Access } from './access.ts'
import type { Fields, Speech } from './codec.ts'
import { cursor } from './decode.ts'
import { contentParts } from './decode-message.ts'
import type { NodeToolSocketDeps } from './deps.ts'
import { appOf } from './destination.ts'
import { toldError } from './errors.ts'
import { isFields, optionalId, plain, requiredId, textOfValue } from './fields.ts'
import { jobStatus } from './run-frames.ts'
import type { ShownTurns } from './shown.ts'

/** What commands need of the connection they came by. */
export interface Client {
  deps: NodeToolSocketDeps
  speech: Speech
  shown: ShownTurns
  send(frame: Fields): void
  access: Access
  countChat(principal: Principal): void
  say(given: Fields): Promise<void>
  stop(which: { turnId?: string; threadId?: string }, more: Fields): Promise<void>
  takeUp(principal: Principal, turn: Turn, after: number, workflowId?: string): Promise<void>
}

/** What a command is answered with; undefined: it has answered itself. */
type Answer = Fields | undefined

/** The {command, data} wrapper (CONTRACTS §2.6). Answers have no `type`; what is wrong stands in `error`. */
export async function answerCommand(client: Client, command: unknown, data: unknown): Promise<void> {
  const given = data ?? {}
  if (typeof command !== 'string') return client.send(invalidCommand("'command' must be a string"))
  if (!isFields(given)) return client.send(invalidCommand("'data' must be an object"))
  const run = Object.hasOwn(commands, command) ? commands[command] : undefined
  if (!run) return client.send({ error: 'Unknown command' })
  try {
    const answer = await run(client, given)
    if (answer) client.send(answer)
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.code === 'internal') client.deps.log.error({ err: error.cause ?? error }, 'a socket command failed')
    const { message, ...more } = toldError(error)
    client.send({ error: message, ...more })
  }
}

const commands: Record<string, (client: Client, data: Fields) => Promise<Answer> | Answer> = {
  run_job: runJob,
  reconnect_job: (client, data) => takeUpJob(client, data, 'Reconnecting to job'),
  resume_job: (client, data) => takeUpJob(client, data, 'Resumption initiated for job'),
  cancel_job: cancelJob,
  get_status: getStatus,
  stream_input: noInput,
  end_input_stream: noInput,
  set_mode: setMode,
  clear_models: () => ({ message: 'Model clearing is disabled in production' }),
  chat_message: chatMessage,
  stop,
}

function invalidCommand(details: string): Fields {
  return { error: 'invalid_command', details }
}

/** A workflow without a thread. The job's id is the turn's, whatever the client would call it: the answer tells. */
async function runJob(client: Client, data: Fields): Promise<Answer> {
  const principal = await client.access.now('write')
  const workflowId = requiredId(data, 'workflow_id')
  if (data.graph !== undefined && data.graph !== null)
    throw new AppError('unsupported', 'A graph cannot be sent with a job; name a workflow', {
      details: { field: 'graph' },
    })
  const params = plain(data.params ?? {})
  if (!isFields(params))
    throw new AppError('invalid-request', 'params must be an object', { details: { field: 'params' } })
  const app = await appOf(client.deps, principal, workflowId)
  client.countChat(principal)
  client.shown.reserve()
  const turn = await client.deps.turns.start({
    principal,
    door: 'nodetool-socket',
    target: { type: 'app', appId: app.publicId, inputs: params },
    messages: [{ role: 'user', parts: saidIn(params) }],
    sampling: {},
    tools: [],
    clientTools: 'await',
    leave: 'continue',
    delivery: 'stream',
  })
  client.send({ message: 'Job started', workflow_id: workflowId, job_id: turn.id })
  await client.takeUp(principal, turn, 0, workflowId)
  return undefined
}

/** The params of a job as something that was said: its message, else all of it. */
function saidIn(params: Fields): Part[] {
  const { message } = params
  const parts = contentParts(isFields(message) ? message.content : typeof message === 'string' ? message : undefined)
  return parts.length > 0 ? parts : [{ type: 'text', text: textOfValue(params) }]
}

async function takeUpJob(client: Client, data: Fields, words: string): Promise<Answer> {
  const jobId = requiredId(data, 'job_id')
  const after = cursor(data)
  const principal = await client.access.now('read')
  const turn = await client.deps.turns.attach(principal, jobId).catch(ignoringUnknown)
  if (!turn) return noSuchJob(jobId, data)
  const workflowId = optionalId(data, 'workflow_id') ?? turn.appId
  client.send({ message: `${words} ${jobId}`, job_id: jobId, workflow_id: workflowId ?? null })
  await client.takeUp(principal, turn, after, workflowId)
  return undefined
}

async function cancelJob(client: Client, data: Fields): Promise<Answer> {
  const jobId = optionalId(data, 'job_id')
  if (jobId === undefined) return { error: 'No job_id provided' }
  const principal = await client.access.now('write')
  const cancel = { type: 'cancel', reason: 'the job was cancelled' } as const
  const outcome = await client.deps.turns.command(principal, jobId, cancel).catch(ignoringUnknown)
  if (outcome !== 'applied') return noSuchJob(jobId, data)
  return { message: 'Job cancellation requested', job_id: jobId, workflow_id: workflowIdOf(client, jobId, data) }
}

async function getStatus(client: Client, data: Fields): Promise<Answer> {
  const jobId = optionalId(data, 'job_id')
  if (jobId === undefined) {
    const jobs = [...client.shown].map(({ about }) => about)
    return {
      active_jobs: jobs.map((job) => ({ job_id: job.turnId, workflow_id: job.workflowId, status: jobStatus.running })),
    }
  }
  const principal = await client.access.now('read')
  const turn = await client.deps.turns.view(principal, jobId).catch(ignoringUnknown)
  if (!turn) return { status: 'not_found', job_id: jobId }
  return { status: jobStatus[turn.status], job_id: jobId, workflow_id: turn.appId ?? null }
}

/** No workflow takes its inputs piece by piece. */
function noInput(_client: Client, data: Fields): Answer {
  requiredId(data, 'job_id')
  if (typeof data.input !== 'string' || data.input === '') return { error: 'Invalid input name' }
  return { error: 'No active job/context' }
}

function setMode({ speech }: Client, { mode }: Fields): Answer {
  if (mode !== 'text' && mode !== 'binary') return invalidCommand("'mode' must be text or binary")
  speech.force(mode)
  return { message: `Mode set to ${mode}` }
}

async function chatMessage(client: Client, data: Fields): Promise<Answer> {
  const threadId = optionalId(data, 'thread_id')
  if (threadId === undefined) return { error: 'thread_id is required for chat_message command' }
  client.send({ message: 'Chat message processing started', thread_id: threadId })
  await client.say({ role: 'user', ...data })
  return undefined
}

async function stop(client: Client, data: Fields): Promise<Answer> {
  const jobId = optionalId(data, 'job_id')
  const threadId = optionalId(data, 'thread_id')
  if (jobId === undefined && threadId === undefined)
    return { error: 'job_id or thread_id is required for stop command' }
  const told = { job_id: jobId ?? null, thread_id: threadId ?? null }
  const which = { ...(jobId !== undefined && { turnId: jobId }), ...(threadId !== undefined && { threadId }) }
  await client.stop(which, told)
  return { message: 'Stop command processed', ...told }
}

function noSuchJob(jobId: string, data: Fields): Answer {
  const workflowId = optionalId(data, 'workflow_id') ?? null
  return { error: 'Job not found or already completed', job_id: jobId, workflow_id: workflowId }
}

function workflowIdOf(client: Client, jobId: string, data: Fields): string | null {
  return optionalId(data, 'workflow_id') ?? client.shown.get(jobId)?.about.workflowId ?? null
}

function ignoringUnknown(thrown: unknown): undefined {
  if (toAppError(thrown).code !== 'not-found') throw thrown
}

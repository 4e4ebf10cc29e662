import type {
  FinishReason,
  Message,
  Part,
  ResponseFormat,
  Sampling,
  ToolChoice,
  ToolSpec,
  TurnOutcome,
} from '#contracts/index.ts'
import { textOf } from '#contracts/index.ts'
import { type AppError, errorInfo, toAppError } from '#errors/index.ts'
import type { ModelQuery } from '#providers/spec.ts'
import { type ContextPolicy, type FittedContext, fitContext, summaryQuestion, withSummary } from './context-window.ts'
import type { TurnControl } from './control.ts'
import { modelStep, type StepDeps, type StepResult } from './model-step.ts'
import type { Guard } from './moderation/index.ts'
import type { WrittenCall } from './part-writer.ts'

export interface ToolOutcome {
  result: string
  isError: boolean
}

export interface EngineRequest {
  model: string
  /** System prompt, history and the new messages, oldest first. */
  messages: Message[]
  context: ContextPolicy
  sampling: Sampling
  tools: ToolSpec[]
  toolChoice?: ToolChoice
  parallelToolCalls?: boolean
  clientTools: 'await' | 'pause'
  responseFormat?: ResponseFormat
  providerOptions: Record<string, Record<string, unknown>>
  whole: boolean
}

export interface EngineDeps extends StepDeps {
  /** Runs a server tool. Must not throw: a failure is an outcome that the model reads. */
  runTool(call: { callId: string; name: string; arguments: string }, signal: AbortSignal): Promise<ToolOutcome>
  maxSteps: number
  /** How long a client may take over a tool it runs. */
  clientToolTimeoutMs: number
}

export interface Ending {
  outcome: TurnOutcome
  finishReason: FinishReason
  error?: ReturnType<typeof errorInfo>
}

/**
 * Runs a turn's model steps until the model has answered, tools of the client are due, or it failed or was cancelled.
 * Emits everything between turn-start and turn-end. Never throws.
 */
export async function runModelLoop(request: EngineRequest, deps: EngineDeps, control: TurnControl): Promise<Ending> {
  try {
    const fitted = fitContext(request.messages, request.context)
    let messages = fitted.trim ? await trimmed(fitted.messages, fitted.trim, request, deps, control) : fitted.messages
    let nextPart = 0
    for (let step = 1; ; step++) {
      const result = await modelStep(step, query(request, messages, step >= deps.maxSteps), deps, control, nextPart)
      nextPart = result.writer.nextPart
      const { calls } = result.writer
      const results = calls.length > 0 ? await runCalls(calls, request, deps, control) : noParts
      const inputs = deps.guard ? await readInputs(deps.guard, deps, control) : control.takeInputs()
      for (const parts of inputs) deps.emit({ type: 'input', parts })
      const ending = endingAfter(step >= deps.maxSteps, result, results, inputs.length > 0, deps, control)
      if (ending) {
        control.close()
        return ending
      }
      messages = [...messages, ...said(result.parts, results, inputs)]
    }
  } catch (thrown) {
    control.close()
    return failed(toAppError(thrown))
  }
}

const noParts: Part[] = []

/** What a step adds to the conversation: the answer, the results of its tools, what was put in meanwhile. */
function said(answer: Part[], results: Part[] | 'pause', inputs: readonly Part[][]): Message[] {
  const messages: Message[] = []
  if (answer.length > 0) messages.push({ role: 'assistant', parts: answer })
  if (results !== 'pause' && results.length > 0) messages.push({ role: 'tool', parts: results })
  for (const parts of inputs) messages.push({ role: 'user', parts })
  return messages
}

/** How the turn ends with this step; undefined: another one follows. */
function endingAfter(
  lastStep: boolean,
  { error, finishReason }: StepResult,
  results: Part[] | 'pause',
  steered: boolean,
  { guard }: EngineDeps,
  control: TurnControl,
): Ending | undefined {
  if (error) return failed(error)
  if (control.cancelReason !== undefined) return { outcome: 'cancelled', finishReason: 'cancelled' }
  if (guard?.refusal) return failed(guard.refusal)
  // Of an answer that was cut off the last call is only half of one, and its caller must be able to tell.
  const isCut = finishReason === 'length' || finishReason === 'content-filter'
  if (results === 'pause') return { outcome: 'paused', finishReason: isCut ? finishReason : 'tool-calls' }
  if (steered) return undefined
  if (results.length === 0) return { outcome: 'completed', finishReason }
  // It was told to answer without tools and called them all the same.
  return lastStep ? { outcome: 'completed', finishReason: 'length' } : undefined
}

/** What was added to the turn, held to its rules. In the tick in which this gives it nothing more is waiting. */
async function readInputs(guard: Guard, { emit }: EngineDeps, control: TurnControl): Promise<Part[][]> {
  const read: Part[][] = []
  for (let inputs = control.takeInputs(); inputs.length > 0; inputs = control.takeInputs())
    for (const parts of inputs) read.push(await control.interruptible((signal) => guard.readSteered(parts, signal)))
  guard.tellSpent(emit)
  return read
}

/** `lastStep`: the model must answer now; without it a model that only calls tools would never end. */
function query(request: EngineRequest, messages: Message[], lastStep: boolean): ModelQuery {
  const tools = request.tools
  const toolChoice = lastStep && tools.length > 0 ? 'none' : request.toolChoice
  return {
    model: request.model,
    messages,
    sampling: request.sampling,
    tools,
    toolChoice,
    parallelToolCalls: request.parallelToolCalls,
    responseFormat: request.responseFormat,
    providerOptions: request.providerOptions,
    whole: request.whole,
  }
}

/** Announces the calls and gets their results; `pause` when some are the client's to answer in a turn of its own. */
async function runCalls(
  calls: WrittenCall[],
  request: EngineRequest,
  deps: EngineDeps,
  control: TurnControl,
): Promise<Part[] | 'pause'> {
  const running = calls.map((call) => {
    const { part, callId, name, side } = call
    deps.emit({ type: 'tool-call', part, callId, name, arguments: call.arguments, side })
    if (side === 'server') return control.interruptible((signal) => deps.runTool(call, signal))
    return request.clientTools === 'await' ? control.toolResult(callId, deps.clientToolTimeoutMs) : undefined
  })
  const results: Part[] = []
  for (const [index, pending] of running.entries()) {
    const call = calls[index]!
    const given = await pending
    if (!given) continue
    const outcome = deps.guard ? await heldTo(deps.guard, given, control) : given
    deps.emit({ type: 'tool-result', callId: call.callId, name: call.name, ...outcome })
    results.push({ type: 'tool-result', callId: call.callId, name: call.name, ...outcome })
  }
  deps.guard?.tellSpent(deps.emit)
  if (!running.includes(undefined)) return results
  if (!deps.guard?.refusal) return 'pause'
  // The turn will not wait for its client, so these calls are answered here.
  for (const [index, { callId, name }] of calls.entries())
    if (running[index] === undefined)
      deps.emit({ type: 'tool-result', callId, name, result: 'The turn was refused.', isError: true })
  return results
}

/** What a tool gave as the model may read it. */
async function heldTo(guard: Guard, outcome: ToolOutcome, control: TurnControl): Promise<ToolOutcome> {
  const refusedBefore = guard.refusal
  const result = await control.interruptible((signal) => guard.readResult(outcome.result, signal))
  return { result, isError: outcome.isError || guard.refusal !== refusedBefore }
}

/** Says what was left out of a conversation to make it fit the app's context limit, and has it summarized where wanted. */
async function trimmed(
  kept: Message[],
  { dropped, ...tokens }: NonNullable<FittedContext['trim']>,
  request: EngineRequest,
  deps: EngineDeps,
  control: TurnControl,
): Promise<Message[]> {
  const strategy = request.context.strategy === 'summarize' ? 'summarize' : 'truncate'
  deps.emit({ type: 'context-trim', strategy, ...tokens })
  if (strategy === 'truncate') return kept

  const words = Math.max(40, Math.round(request.context.maxTokens / 10))
  const asked: ModelQuery = {
    model: request.model,
    messages: summaryQuestion(dropped, words),
    sampling: { maxOutputTokens: words * 2 },
    tools: [],
    providerOptions: {},
    whole: true,
  }
  // Its words are nobody's answer: internal events carry its usage only.
  const silent: StepDeps = {
    openModel: deps.openModel,
    now: deps.now,
    emit: (event, audience) => {
      if (event.type === 'model-start' || event.type === 'model-end' || event.type === 'retry')
        deps.emit(event, audience)
    },
  }
  const summary = await modelStep(0, asked, silent, control, 0, 'internal')
  const text = textOf(summary.writer.parts).trim()
  // A summary is a help, not a condition: without one the newest messages still make an answer.
  if (text === '') return kept
  deps.emit({ type: 'memory-update', memory: 'summary', messagesRetained: kept.length })
  return withSummary(kept, text)
}

function failed(error: AppError): Ending {
  return {
    outcome: 'failed',
    finishReason: error.code === 'content-blocked' ? 'content-filter' : 'error',
    error: errorInfo(error),
  }
}

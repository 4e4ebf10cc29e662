import fc from 'fast-check'
import {
  addUsage,
  type Envelope,
  type Guardrail,
  type GuardrailCheck,
  noUsage,
  type Part,
  type ToolSpec,
  type TurnCommand,
  type TurnEnd,
  type TurnEvent,
} from '#contracts/index.ts'
import { type Ending, type EngineRequest, runModelLoop, TurnControl } from '#engine/index.ts'
import { AppError, type ErrorCode } from '#errors/index.ts'
import type { ModelPart, Opinion } from '#providers/spec.ts'
import { LiveLog } from '#turns/live-log.ts'
import { ruleOf } from './guardrails.ts'
import { breath, type ModelScript, scriptedModel } from './scripted-model.ts'

/** A turn as it may go: what the model does call by call, and what is commanded when. */
export interface TurnScript {
  steps: ModelScript[]
  /** `at` counts the moments at which a model or a server tool lets others run. */
  commands: { at: number; command: TurnCommand }[]
  clientTools: 'await' | 'pause'
  /** For each client tool call in turn: whether the client answers it. */
  answers: boolean[]
}

export const tools: ToolSpec[] = [
  { name: 'look_up', side: 'server' },
  { name: 'break_down', side: 'server' },
  { name: 'ask_user', side: 'client' },
]

/** Empty pieces, halves of an emoji, NUL and every script: what upstreams have been seen to send. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '\ud83d', '\ude00', '\0', ' ', '\n', '{"a":') },
)
const logprobs = fc.array(fc.record({ token: text, logprob: fc.integer({ min: -9, max: 0 }) }), { maxLength: 3 })
const toolIndex = fc.integer({ min: -1, max: 3 })

const piece: fc.Arbitrary<ModelPart> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('text' as const), text }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('text' as const), text, logprobs }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reasoning' as const), text }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { type: fc.constant('reasoning-end' as const), signature: fc.string({ maxLength: 5 }) },
      { requiredKeys: ['type'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refusal' as const), text }) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        type: fc.constant('audio' as const),
        data: fc.base64String({ maxLength: 8 }),
        transcript: text,
        id: fc.constant('audio_1'),
        expiresAt: fc.integer({ min: 1, max: 9 }),
        format: fc.constant('wav'),
      },
      { requiredKeys: ['type', 'data'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        type: fc.constant('tool-input-start' as const),
        index: toolIndex,
        callId: fc.constant(''),
        name: fc.constantFrom('look_up', 'break_down', 'ask_user', 'nobody_knows'),
        signature: fc.constant('proof'),
      },
      { requiredKeys: ['type', 'index', 'callId', 'name'] },
    ),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('tool-input-delta' as const), index: toolIndex, text }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('source' as const),
      source: fc.record({ id: fc.constant('s1'), title: text, content: text }),
    }),
  },
)

const failures: ErrorCode[] = ['upstream-unreachable', 'upstream-malformed', 'content-blocked', 'internal']
const failure = fc.constantFrom(...failures).map((code) => new AppError(code, 'It broke'))
const usage = fc.record({
  inputTokens: fc.nat(1000),
  outputTokens: fc.nat(1000),
  cachedInputTokens: fc.constant(0),
  reasoningTokens: fc.nat(10),
  estimated: fc.constant(false),
})

const step: fc.Arbitrary<ModelScript> = fc
  .record({
    batches: fc.oneof(
      { weight: 5, arbitrary: fc.array(fc.array(piece, { minLength: 1, maxLength: 6 }), { maxLength: 5 }) },
      // More than the window of a live log holds, at once.
      { weight: 1, arbitrary: fc.array(fc.array(piece, { minLength: 100, maxLength: 160 }), { maxLength: 2 }) },
    ),
    ending: fc.oneof(
      { weight: 7, arbitrary: fc.record({ usage: fc.option(usage, { nil: undefined }) }) },
      { weight: 1, arbitrary: failure.map((error) => ({ error })) },
      { weight: 1, arbitrary: fc.constant('cut' as const) },
      { weight: 1, arbitrary: failure.map((opening) => ({ opening })) },
    ),
    deaf: fc.boolean(),
    alone: fc.boolean(),
  })
  .map(({ batches, ending, deaf, alone }): ModelScript => {
    if (ending === 'cut') return { batches, deaf }
    if ('error' in ending) return { batches, deaf, failure: ending.error }
    if ('opening' in ending) return { batches: [], opening: ending.opening }
    const called = batches.flat().some((part) => part.type === 'tool-input-start')
    const end: ModelPart = {
      type: 'finish',
      finishReason: called ? 'tool-calls' : 'stop',
      ...(ending.usage && { usage: ending.usage }),
    }
    if (alone || batches.length === 0) return { batches: [...batches, [end]], deaf }
    return { batches: [...batches.slice(0, -1), [...batches.at(-1)!, end]], deaf }
  })

const command: fc.Arbitrary<TurnCommand> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ type: 'cancel' as const, reason: 'the test says so' }) },
  {
    weight: 2,
    arbitrary: text.map((said) => ({ type: 'steer' as const, parts: [{ type: 'text', text: said } satisfies Part] })),
  },
  {
    weight: 1,
    arbitrary: fc.constant({ type: 'tool-result' as const, callId: 'call_0_0', result: 'early', isError: false }),
  },
)

export const turnScript: fc.Arbitrary<TurnScript> = fc
  .record({
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
    commands: fc.array(fc.record({ at: fc.nat(25), command }), { maxLength: 3 }),
    clientTools: fc.constantFrom('await' as const, 'pause' as const),
    answers: fc.array(fc.boolean(), { maxLength: 4 }),
  })
  .map((script) => ({ ...script, steps: script.steps.map(withCallIds) }))

/** Call ids are unique within a turn, as every upstream promises. */
function withCallIds(script: ModelScript, number: number): ModelScript {
  let next = 0
  const batches = script.batches.map((batch) =>
    batch.map((part) =>
      part.type === 'tool-input-start' ? { ...part, callId: `call_${number}_${next++}` } : { ...part },
    ),
  )
  return { ...script, batches }
}

/** Plays the moments of a script: at each of them its commands are given. */
export function conductor(script: TurnScript, apply: (command: TurnCommand) => void) {
  let moment = 0
  let asked = 0
  return {
    async moment(): Promise<void> {
      const now = moment++
      if (now % 2 === 1) await breath()
      for (const { at, command } of script.commands) if (at === now) apply(command)
    },
    /** A client that is told of its tool call. */
    answer(callId: string): void {
      const answers = script.answers[asked++] ?? true
      if (answers) void breath().then(() => apply({ type: 'tool-result', callId, result: 'answered', isError: false }))
    },
  }
}

export async function runTool(call: { name: string }) {
  await breath()
  return call.name === 'break_down'
    ? { result: 'It is broken.', isError: true }
    : { result: 'Found it.', isError: false }
}

export interface PlayedTurn {
  log: LiveLog
  /** Every event as it was appended. */
  raw: Envelope[]
  ending: Ending
}

/** Runs a script through the real engine into a live log, without a database: turn-start to turn-end. */
export async function playTurn(
  script: TurnScript,
  options: { onAppend?(log: LiveLog): void; request?: Partial<EngineRequest> } = {},
): Promise<PlayedTurn> {
  const control = new TurnControl()
  const plan = conductor(script, (given) => void control.apply(given))
  const model = scriptedModel({ scripts: script.steps, before: () => plan.moment() })
  let at = 1_000
  const log = new LiveLog('turn', () => at++)
  log.open()
  const raw: Envelope[] = []
  let spent = noUsage
  let costMicros = 0
  const emit = (event: TurnEvent, audience?: 'internal') => {
    const envelope = log.draft(event, audience)
    log.publish(envelope)
    raw.push(envelope)
    if (event.type === 'model-end') {
      spent = addUsage(spent, event.usage)
      costMicros += event.costMicros
    }
    if (event.type === 'tool-call' && event.side === 'client' && script.clientTools === 'await')
      plan.answer(event.callId)
    options.onAppend?.(log)
  }
  emit({ type: 'turn-start', model: 'm' })
  const ending = await runModelLoop(
    {
      model: 'm',
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'Go.' }] }],
      context: { strategy: 'truncate', maxTokens: 0 },
      sampling: {},
      tools,
      clientTools: script.clientTools,
      providerOptions: {},
      whole: false,
      ...options.request,
    },
    {
      openModel: model.openModel,
      emit,
      now: () => at,
      runTool: async (call) => {
        await plan.moment()
        return runTool(call)
      },
      maxSteps: 6,
      clientToolTimeoutMs: 3,
    },
    control,
  )
  const end: TurnEnd = { type: 'turn-end', ...ending, usage: spent, costMicros }
  emit(end)
  log.end()
  return { log, raw, ending }
}

/** What is in turn_checkpoints when a turn was saved after these events, and after its last one. */
export function checkpoints(raw: readonly Envelope[], cuts: readonly number[]): { seq: number; events: Envelope[] }[] {
  const saved = new Set([...cuts, raw.length])
  const log = new LiveLog('turn', () => 0)
  const out: { seq: number; events: Envelope[] }[] = []
  for (const envelope of raw) {
    log.publish(envelope)
    if (!saved.has(envelope.seq)) continue
    const events = JSON.parse(JSON.stringify(log.compact(out.at(-1)?.seq ?? 0))) as Envelope[]
    out.push({ seq: envelope.seq, events })
  }
  return out
}

/** What these guardrails look for, whole and in pieces. */
const telling = ['sec', 'ret', 'secret ', 'bo', 'mb', '. ', 'ann@ex', 'ample.org ', '010-12', '34-5678']

/** Turns in which some of what is said is told on by guardrails. */
export const tellingTurnScript: fc.Arbitrary<TurnScript> = fc
  .tuple(turnScript, fc.array(fc.option(fc.constantFrom(...telling), { freq: 1 }), { minLength: 1, maxLength: 30 }))
  .map(([script, sayings]) => {
    let next = 0
    const say = (text: string) => sayings[next++ % sayings.length] ?? text
    const piece = (part: ModelPart): ModelPart => {
      if ('text' in part) return { ...part, text: say(part.text) }
      if (part.type === 'audio' && part.transcript !== undefined) return { ...part, transcript: say(part.transcript) }
      return part.type === 'source' ? { ...part, source: { ...part.source, title: say(part.source.title) } } : part
    }
    const steps = script.steps.map((step) => ({ ...step, batches: step.batches.map((batch) => batch.map(piece)) }))
    const commands = script.commands.map(({ at, command }) =>
      command.type === 'steer'
        ? { at, command: { ...command, parts: [{ type: 'text' as const, text: say('') }] } }
        : { at, command },
    )
    return { ...script, steps, commands }
  })

const checks: GuardrailCheck[] = [
  { kind: 'words', words: ['secret', 'found it'], match: 'part', replacement: '█' },
  { kind: 'words', words: ['bomb', 'hello'], match: 'part', replacement: '' },
  { kind: 'pattern', pattern: '[0-9]{4}|ret *sec', ignoreCase: true, replacement: '█' },
  { kind: 'personal-data', types: ['email', 'phone'] },
  { kind: 'endpoint', upstream: 'sim', onOutage: 'open', replacement: '█' },
  { kind: 'endpoint', upstream: 'sim', categories: ['bad'], onOutage: 'closed', replacement: '█' },
]

/** One to four rules about what random turns say. */
export const guardrailsOfTurns: fc.Arbitrary<Guardrail[]> = fc
  .array(
    fc
      .record({
        check: fc.constantFrom(...checks),
        where: fc.constantFrom('input' as const, 'output' as const, 'both' as const),
        action: fc.constantFrom('block' as const, 'mask' as const, 'mask' as const, 'flag' as const),
      })
      .map(({ check, where, action }) => ruleOf(check, action, { where })),
    { minLength: 1, maxLength: 4 },
  )
  .map((rules) => rules.map((rule, index) => ({ ...rule, id: index + 1 })))

/** A moderation endpoint that thinks of a text what its length says, and sometimes nothing. */
export async function moderateByLength({ texts }: { texts: readonly string[] }): Promise<Opinion[]> {
  await breath()
  if (texts.some((text) => text.length % 7 === 6)) throw new AppError('upstream-overloaded', 'Not now')
  return texts.map((text) => {
    const flagged = text.length % 5 === 4
    return { flagged, categories: flagged ? ['bad'] : [], scores: {} }
  })
}

import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Message, type TurnEvent, textOf } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { breath, calls, finish, type ModelScript, says, scriptedModel } from '#test/support/scripted-model.ts'
import { TurnControl } from './control.ts'
import { type EngineDeps, type EngineRequest, runModelLoop } from './loop.ts'

afterEach(() => void vi.useRealTimers())

const user = (text: string): Message => ({ role: 'user', parts: [{ type: 'text', text }] })

interface Play {
  scripts: ModelScript[]
  request?: Partial<EngineRequest>
  deps?: Partial<EngineDeps>
  before?(signal: AbortSignal): void | Promise<void>
  control?: TurnControl
  on?(event: TurnEvent): void
}

async function play({ scripts, request, deps, before, control = new TurnControl(), on }: Play) {
  const model = scriptedModel({ scripts, ...(before && { before }), price: { input: 1_000_000, output: 1_000_000 } })
  const events: TurnEvent[] = []
  const audiences: (string | undefined)[] = []
  const ending = await runModelLoop(
    {
      model: 'm',
      messages: [user('Hello')],
      context: { strategy: 'truncate', maxTokens: 0 },
      sampling: {},
      tools: [
        { name: 'ours', side: 'server' },
        { name: 'theirs', side: 'client' },
      ],
      clientTools: 'await',
      providerOptions: {},
      whole: false,
      ...request,
    },
    {
      openModel: model.openModel,
      emit: (event, audience) => {
        events.push(event)
        audiences.push(audience)
        on?.(event)
      },
      now: () => 0,
      runTool: async ({ name }) => ({ result: `${name} ran`, isError: false }),
      maxSteps: 4,
      clientToolTimeoutMs: 60_000,
      ...deps,
    },
    control,
  )
  const of = <T extends TurnEvent['type']>(type: T) =>
    events.filter((event): event is Extract<TurnEvent, { type: T }> => event.type === type)
  return { ending, events, of, audiences, control, queries: model.queries }
}

describe('the tool loop', () => {
  it('runs server tools at the same time and gives the model their results in the order of its calls', async () => {
    const started: string[] = []
    let release = () => {}
    const both = new Promise<void>((resolve) => {
      release = resolve
    })
    const { ending, of, queries } = await play({
      scripts: [calls({ callId: 'a', name: 'ours' }, { callId: 'b', name: 'ours' }), says('Done.')],
      deps: {
        runTool: async ({ callId }) => {
          started.push(callId)
          // The first waits for the second.
          if (started.length === 2) release()
          await both
          return { result: callId, isError: callId === 'b' }
        },
      },
    })
    expect(started).toEqual(['a', 'b'])
    expect(of('tool-result').map(({ callId, isError }) => [callId, isError])).toEqual([
      ['a', false],
      ['b', true],
    ])
    expect(queries[1]!.messages.slice(-2).map(({ role }) => role)).toEqual(['assistant', 'tool'])
    expect(queries[1]!.messages.at(-1)!.parts).toMatchObject([{ callId: 'a' }, { callId: 'b', isError: true }])
    expect(ending).toEqual({ outcome: 'completed', finishReason: 'stop' })
  })

  it('pauses for tools of the client, with those of the server already answered', async () => {
    const { ending, of } = await play({
      scripts: [calls({ callId: 'a', name: 'theirs' }, { callId: 'b', name: 'ours' })],
      request: { clientTools: 'pause' },
    })
    expect(ending).toEqual({ outcome: 'paused', finishReason: 'tool-calls' })
    expect(of('tool-call').map(({ callId, side }) => [callId, side])).toEqual([
      ['a', 'client'],
      ['b', 'server'],
    ])
    expect(of('tool-result').map(({ callId }) => callId)).toEqual(['b'])
  })

  it.each(['length', 'content-filter'] as const)(
    'pauses with %s for calls of an answer that was cut off',
    async (why) => {
      const { ending, of } = await play({
        scripts: [
          {
            batches: [...calls({ callId: 'a', name: 'theirs', arguments: '{"ci' }).batches.slice(0, 1), [finish(why)]],
          },
        ],
        request: { clientTools: 'pause' },
      })
      expect(ending).toEqual({ outcome: 'paused', finishReason: why })
      expect(of('tool-call')).toMatchObject([{ callId: 'a', arguments: '{"ci' }])
    },
  )

  it('takes a tool that nobody declared for the client’s', async () => {
    const { ending, of } = await play({
      scripts: [calls({ callId: 'a', name: 'never heard of' })],
      request: { clientTools: 'pause' },
    })
    expect(of('tool-call')[0]!.side).toBe('client')
    expect(ending.outcome).toBe('paused')
  })

  it('waits for the client’s result where the door says so, and takes only the first', async () => {
    const control = new TurnControl()
    const given: boolean[] = []
    const { of, queries } = await play({
      scripts: [calls({ callId: 'a', name: 'theirs' }), says('Done.')],
      control,
      on: (event) => {
        if (event.type !== 'tool-call') return
        void breath().then(() => {
          for (const result of ['one', 'two'])
            given.push(control.apply({ type: 'tool-result', callId: 'a', result, isError: false }))
          given.push(control.apply({ type: 'tool-result', callId: 'unknown', result: '', isError: false }))
        })
      },
    })
    expect(given).toEqual([true, false, false])
    expect(of('tool-result')).toMatchObject([{ callId: 'a', result: 'one' }])
    expect(queries).toHaveLength(2)
  })

  it('goes on with an error when the client’s result does not come in time', async () => {
    vi.useFakeTimers()
    const playing = play({ scripts: [calls({ callId: 'a', name: 'theirs' }), says('Done.')] })
    await vi.advanceTimersByTimeAsync(60_000)
    const { ending, of } = await playing
    expect(of('tool-result')).toMatchObject([{ isError: true, result: 'The tool gave no result within 60 seconds.' }])
    expect(ending.outcome).toBe('completed')
  })

  it('tells the model to answer in its last step, and ends when it calls tools all the same', async () => {
    const again = () => calls({ callId: `c${Math.random()}`, name: 'ours' })
    const { ending, queries, of } = await play({ scripts: Array.from({ length: 10 }, again) })
    expect(queries.map(({ toolChoice }) => toolChoice)).toEqual([undefined, undefined, undefined, 'none'])
    expect(of('tool-result')).toHaveLength(4)
    expect(ending).toEqual({ outcome: 'completed', finishReason: 'length' })
  })
})

describe('steering', () => {
  it('cuts the step under way, and the next one reads what was said', async () => {
    const control = new TurnControl()
    let moments = 0
    const { ending, of, queries } = await play({
      scripts: [says('This is the ', 'wrong way'), says('Better.')],
      control,
      before: () => {
        // Before the second batch of the first answer.
        if (++moments === 3) control.apply({ type: 'steer', parts: [{ type: 'text', text: 'Turn left' }] })
      },
    })
    expect(of('model-end').map(({ finishReason }) => finishReason)).toEqual(['cancelled', 'stop'])
    expect(of('model-end')[0]!.usage).toMatchObject({ estimated: true })
    expect(of('input')).toHaveLength(1)
    expect(queries[1]!.messages.map(({ role, parts }) => [role, textOf(parts)])).toEqual([
      ['user', 'Hello'],
      ['assistant', 'This is the '],
      ['user', 'Turn left'],
    ])
    expect(ending.outcome).toBe('completed')
  })

  it('is read after the results of tools that run meanwhile', async () => {
    const control = new TurnControl()
    const { queries } = await play({
      scripts: [calls({ callId: 'a', name: 'ours' }), says('Done.')],
      control,
      deps: {
        runTool: async () => {
          control.apply({ type: 'steer', parts: [{ type: 'text', text: 'Hurry' }] })
          return { result: 'ran', isError: false }
        },
      },
    })
    expect(queries[1]!.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
  })

  it('is not lost when the turn pauses or fails', async () => {
    for (const second of ['pause', 'fail']) {
      const control = new TurnControl()
      const failing: ModelScript = { batches: [[{ type: 'text', text: 'x' }]], failure: new AppError('internal', 'no') }
      const { of, ending } = await play({
        scripts: [second === 'fail' ? failing : calls({ callId: 'a', name: 'theirs' }, { callId: 'b', name: 'ours' })],
        request: { clientTools: 'pause' },
        control,
        deps: {
          runTool: async () => {
            control.apply({ type: 'steer', parts: [{ type: 'text', text: 'Wait' }] })
            return { result: 'ran', isError: false }
          },
        },
        on: (event) => {
          if (second === 'fail' && event.type === 'model-end')
            control.apply({ type: 'steer', parts: [{ type: 'text', text: 'Wait' }] })
        },
      })
      expect(ending.outcome).toBe(second === 'fail' ? 'failed' : 'paused')
      expect(of('input')).toHaveLength(1)
    }
  })
})

describe('cancelling', () => {
  it('ends before the first part without a model call to pay for', async () => {
    const control = new TurnControl()
    control.apply({ type: 'cancel' })
    const { ending, events } = await play({ scripts: [says('never')], control })
    expect(ending).toEqual({ outcome: 'cancelled', finishReason: 'cancelled' })
    expect(events).toEqual([])
  })

  it('wins over pausing, and answers what still runs', async () => {
    const control = new TurnControl()
    const { ending, of } = await play({
      scripts: [calls({ callId: 'a', name: 'theirs' }, { callId: 'b', name: 'ours' })],
      request: { clientTools: 'pause' },
      control,
      deps: {
        runTool: async (_, signal) => {
          control.apply({ type: 'cancel' })
          return { result: signal.aborted ? 'stopped' : 'ran', isError: true }
        },
      },
    })
    expect(ending.outcome).toBe('cancelled')
    expect(of('tool-result')).toMatchObject([{ callId: 'b', result: 'stopped' }])
  })

  it('ends the wait for a client', async () => {
    const control = new TurnControl()
    const { ending, of } = await play({
      scripts: [calls({ callId: 'a', name: 'theirs' })],
      control,
      on: (event) => {
        if (event.type === 'tool-call') void breath().then(() => control.apply({ type: 'cancel' }))
      },
    })
    expect(of('tool-result')).toMatchObject([{ callId: 'a', isError: true, result: 'The turn was cancelled.' }])
    expect(ending.outcome).toBe('cancelled')
    expect(control.apply({ type: 'steer', parts: [] })).toBe(false)
  })
})

describe('a failing model', () => {
  it('that does not begin fails the turn, without a model call to pay for', async () => {
    const { ending, events } = await play({
      scripts: [{ batches: [], opening: new AppError('upstream-unreachable', 'No connection') }],
    })
    expect(ending).toMatchObject({ outcome: 'failed', finishReason: 'error', error: { code: 'upstream-unreachable' } })
    expect(events).toEqual([])
  })

  it('that stops without an end is malformed, and what it wrote is estimated and paid for', async () => {
    const { ending, of } = await play({ scripts: [{ batches: [[{ type: 'text', text: 'Half an answer' }]] }] })
    expect(ending).toMatchObject({ outcome: 'failed', error: { code: 'upstream-malformed' } })
    const [end] = of('model-end')
    expect(end!.usage.estimated).toBe(true)
    expect(end!.costMicros).toBe(end!.usage.inputTokens + end!.usage.outputTokens)
  })

  it('that breaks in a tool input is estimated with what it wrote of it', async () => {
    const script = (text: string): ModelScript => ({
      batches: [
        [
          { type: 'tool-input-start', index: 0, callId: 'a', name: 'ours' },
          { type: 'tool-input-delta', index: 0, text },
        ],
      ],
    })
    const written = async (text: string) =>
      (await play({ scripts: [script(text)] })).of('model-end')[0]!.usage.outputTokens
    expect(await written('{"a":"a long argument that was being written"')).toBeGreaterThan(await written('{'))
  })

  it('whose content was refused says so', async () => {
    const { ending } = await play({
      scripts: [{ batches: [], opening: new AppError('content-blocked', 'Refused') }],
    })
    expect(ending.finishReason).toBe('content-filter')
  })
})

describe('the context limit', () => {
  const history = [user('one '.repeat(100)), { ...user('two'), role: 'assistant' as const }, user('three')]

  it('is told with what was trimmed', async () => {
    const { of, queries } = await play({
      scripts: [says('Ok')],
      request: { messages: history, context: { strategy: 'truncate', maxTokens: 40 } },
    })
    expect(of('context-trim')).toMatchObject([{ strategy: 'truncate' }])
    expect(queries[0]!.messages).toEqual([history[2]])
  })

  it('fails the turn where trimming is not allowed', async () => {
    const { ending } = await play({
      scripts: [],
      request: { messages: history, context: { strategy: 'error', maxTokens: 40 } },
    })
    expect(ending).toMatchObject({ outcome: 'failed', error: { code: 'context-too-long' } })
  })

  it('asks for a summary, shows none of its words, and counts its usage', async () => {
    const { of, queries, audiences, events } = await play({
      scripts: [says('They counted.'), says('Four.')],
      request: { messages: history, context: { strategy: 'summarize', maxTokens: 40 } },
    })
    expect(textOf(queries[0]!.messages[1]!.parts)).toContain('one one')
    expect(textOf(queries[1]!.messages[0]!.parts)).toContain('They counted.')
    expect(of('memory-update')).toMatchObject([{ memory: 'summary' }])
    expect(of('text-delta').map(({ text }) => text)).toEqual(['Four.'])
    const ends = events.flatMap((event, index) => (event.type === 'model-end' ? [audiences[index]] : []))
    expect(ends).toEqual(['internal', undefined])
  })

  it('goes on without a summary that failed', async () => {
    const { ending, queries } = await play({
      scripts: [{ batches: [], opening: new AppError('upstream-timeout', 'Late') }, says('Four.')],
      request: { messages: history, context: { strategy: 'summarize', maxTokens: 40 } },
    })
    expect(ending.outcome).toBe('completed')
    expect(queries[1]!.messages).toEqual([history[2]])
  })
})

it('takes an answer with nothing in it for an answer', async () => {
  const { ending, of } = await play({ scripts: [{ batches: [[finish('stop', {})]] }] })
  expect(ending).toEqual({ outcome: 'completed', finishReason: 'stop' })
  expect(of('part-start')).toEqual([])
})

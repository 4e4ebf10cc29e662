import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noUsage, type Principal, type TurnEvent } from '#contracts/index.ts'
import { gate, type Scoped } from '#doors/gate/index.ts'
import { type SocketServer, sockets } from '#doors/gate/sockets/index.ts'
import { type NodeToolSocketDeps, nodeToolSocketDoor } from '#doors/nodetool-socket/index.ts'
import { AppError } from '#errors/index.ts'
import { metrics } from '#lib/metrics.ts'
import { encodings, openNodeTool } from '#test/support/nodetool-client.ts'
import { scriptedTurns } from '#test/support/scripted-turns.ts'

const principal: Principal = {
  method: 'jwt',
  user: { id: 1, publicId: 'user-1' },
  workspace: { id: 1, publicId: 'workspace-1' },
  role: 'owner',
  scopes: new Set(['read', 'write'] as const),
}

const start: TurnEvent[] = [
  { type: 'turn-start', conversationId: 'conversation-1', appId: 'app-1', model: 'sim' },
  { type: 'run-start', runId: 'run-1', workflowId: 'app-1' },
]
const node: TurnEvent[] = [
  { type: 'node-start', nodeId: 'n1', nodeType: 'ai_agent', nodeName: 'Answer', properties: { model: 'sim' } },
  { type: 'node-progress', nodeId: 'n1', progress: 1, total: 2 },
]
const words: TurnEvent[] = [
  { type: 'part-start', part: 0, kind: 'text' },
  { type: 'text-delta', part: 0, text: 'Thinking aloud' },
  { type: 'part-end', part: 0 },
]
const output = (name: string, value: unknown): TurnEvent => ({
  type: 'node-output',
  nodeId: 'n1',
  nodeName: 'Answer',
  name,
  value,
  valueType: 'any',
})
const done = (outcome: 'completed' | 'failed'): TurnEvent => ({
  type: 'node-end',
  nodeId: 'n1',
  nodeType: 'ai_agent',
  nodeName: 'Answer',
  outcome,
  output: { text: 'x' },
  durationMs: 5,
})
const broken = { code: 'node-failed', message: 'The page is gone' } as const
const picture = { type: 'image', uri: 'https://example.org/a.png' }
const end = (outcome: 'completed' | 'failed' | 'cancelled'): TurnEvent[] => [
  {
    type: 'run-end',
    runId: 'run-1',
    workflowId: 'app-1',
    outcome,
    durationMs: 1500,
    ...(outcome === 'completed' && { result: { text: 'Done', picture } }),
    ...(outcome === 'failed' && { error: broken }),
  },
  {
    type: 'turn-end',
    outcome,
    finishReason: outcome === 'completed' ? 'stop' : outcome === 'failed' ? 'error' : 'cancelled',
    ...(outcome === 'failed' && { error: broken }),
    usage: noUsage,
    costMicros: 0,
  },
]

describe.each(encodings)('runs of workflows on NodeTool’s socket in %s', (encoding) => {
  const turns = scriptedTurns()
  let server: FastifyInstance
  let url: string
  let live: SocketServer | undefined

  beforeAll(async () => {
    server = Fastify({ http: { shouldUpgradeCallback: (request) => live?.takes(request) === true } })
    const auth = {
      authenticate: () => principal,
      renew: async () => principal,
      principalForApp: () => {
        throw new AppError('unauthenticated', 'no app has a token here')
      },
    }
    const limits = { check: () => undefined }
    const log = { error: () => undefined, warn: () => undefined }
    gate(server, { auth, limits })
    const workflow = { id: 7, publicId: 'app-1', type: 'workflow' }
    const said = (text: string) => ({ role: 'user', parts: [{ type: 'text', text }] })
    await server.register(async (scope) => {
      live = sockets(scope as unknown as Scoped, {
        now: Date.now,
        log,
        accessChanged: { on: () => undefined },
        metrics: metrics(),
        trustProxy: false,
        rates: limits,
        networkOf: (address) => address,
        maxFrameBytes: 1024 * 1024,
      })
      nodeToolSocketDoor(live, {
        turns: turns.room,
        auth,
        limits,
        now: Date.now,
        log,
        apps: { get: async () => workflow, findByToken: () => undefined },
        conversations: {
          find: async (_: Principal, id: string) => (id === 'old' ? { id: 3, appId: 7 } : undefined),
          turnsOf: async () => [
            { status: 'completed', messages: [said('Before')], parts: [{ type: 'text', text: 'Answered' }] },
          ],
        },
        upstreams: { findModel: () => undefined },
      } as unknown as NodeToolSocketDeps)
    })
    await server.listen({ host: '127.0.0.1', port: 0 })
    url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    live?.closeAll(1001, 'over')
    await server.close()
  })

  const open = () => openNodeTool({ url, key: 'any' }, { encoding })
  const isLast = { type: 'message', role: 'assistant' }

  it('are told from beginning to end, each frame with its job and its workflow', async () => {
    const client = await open()
    client.send({ role: 'user', content: 'Go', workflow_id: 'my-flow', thread_id: 'thread-1' })
    const turn = await turns.next()
    turn.happen(start)
    turn.happen(node)
    turn.happen(words, ['n1'])
    turn.happen([output('text', 'Done'), output('picture', picture), done('completed'), ...end('completed')])
    const message = await client.until(isLast)
    expect(client.frames.map(({ type, status }) => (status === undefined ? type : `${type} ${status}`))).toEqual([
      'chunk',
      'job_update running',
      'node_update running',
      'node_progress',
      'chunk',
      'output_update',
      'output_update',
      'node_update completed',
      'job_update completed',
      'chunk completed',
      'message',
    ])
    for (const frame of client.frames.slice(1, -1))
      expect(frame, String(frame.type)).toMatchObject({
        job_id: turn.id,
        workflow_id: 'my-flow',
        thread_id: 'thread-1',
        turn_id: turn.id,
      })
    expect(client.frames.find(({ type, node_id }) => type === 'chunk' && node_id === 'n1')).toMatchObject({
      content: 'Thinking aloud',
      done: false,
    })
    expect(client.frames.find(({ type, status }) => type === 'job_update' && status === 'completed')).toMatchObject({
      duration: 1.5,
      result: { text: 'Done', picture },
      error: null,
    })
    expect(message).toMatchObject({
      workflow_id: 'my-flow',
      thread_id: 'thread-1',
      content: [
        { type: 'text', text: 'Done' },
        { type: 'image_url', image: picture },
      ],
    })
    await client.close()
  })

  it('are given the message and what was said before it, under the names their inputs have', async () => {
    const client = await open()
    client.send({ role: 'user', content: 'Go', workflow_id: 'my-flow', thread_id: 'old' })
    const before = { type: 'message', thread_id: 'old' }
    const said = { role: 'user', content: 'Go', workflow_id: 'my-flow', thread_id: 'old' }
    const first = await turns.next()
    expect(first.request.target).toMatchObject({
      type: 'app',
      appId: 'app-1',
      inputs: {
        message: { type: 'message', ...said },
        messages: [
          { ...before, role: 'user', content: 'Before' },
          { ...before, role: 'assistant', content: 'Answered' },
          { type: 'message', ...said },
        ],
      },
    })
    first.happen([...start, ...end('completed')])
    await client.until(isLast)
    const names = { workflow_message_input_name: 'question', workflow_messages_input_name: 'history' }
    client.send({ role: 'user', content: 'Go', workflow_id: 'my-flow', ...names })
    const second = await turns.next()
    expect(second.request.target).toMatchObject({ inputs: { question: { content: 'Go' }, history: [{}] } })
    second.happen([...start, ...end('completed')])
    await client.close()
  })

  it('that fail say so in the job, as an error, and with the closing chunk', async () => {
    const client = await open()
    client.send({ role: 'user', content: 'Go', workflow_id: 'my-flow' })
    const turn = await turns.next()
    turn.happen([...start, ...node, done('failed'), ...end('failed')])
    await client.until({ type: 'chunk', done: true })
    await client.settled()
    const [job, error, closing] = client.frames.slice(-4)
    expect(job).toMatchObject({ type: 'job_update', status: 'failed', error: 'The page is gone', job_id: turn.id })
    expect(error).toMatchObject({
      type: 'error',
      message: 'Error processing workflow: The page is gone',
      job_id: turn.id,
      workflow_id: 'my-flow',
    })
    expect(closing).toMatchObject({ type: 'chunk', done: true, job_id: turn.id })
    expect(client.types()).not.toContain('message')
    await client.close()
  })

  it('are begun, looked at, taken up again and cancelled as jobs', async () => {
    const client = await open()
    client.send({ command: 'run_job', data: { type: 'run_job_request', workflow_id: 'my-flow', params: { a: 1 } } })
    const turn = await turns.next()
    expect(turn.request).toMatchObject({ target: { appId: 'app-1', inputs: { a: 1 } } })
    expect(turn.request.conversationId ?? turn.request.newConversation).toBeUndefined()
    turn.happen([...start, ...node])
    await client.until({ type: 'node_progress' })
    expect(client.frames[0]).toEqual({ message: 'Job started', workflow_id: 'my-flow', job_id: turn.id })

    const status = async (data: object) => {
      const from = client.frames.length
      client.send({ command: 'get_status', data })
      await client.settled()
      return client.frames[from]
    }
    const running = { job_id: turn.id, workflow_id: 'my-flow', status: 'running' }
    expect(await status({})).toEqual({ active_jobs: [running] })
    expect(await status({ job_id: turn.id })).toEqual({ job_id: turn.id, workflow_id: 'app-1', status: 'running' })

    const other = await open()
    other.send({ command: 'reconnect_job', data: { job_id: turn.id, workflow_id: 'my-flow' } })
    await other.until({ type: 'node_progress', job_id: turn.id })
    expect(other.frames[0]).toEqual({
      message: `Reconnecting to job ${turn.id}`,
      job_id: turn.id,
      workflow_id: 'my-flow',
    })

    other.send({ command: 'cancel_job', data: { job_id: turn.id } })
    expect(await other.until({ message: 'Job cancellation requested' })).toEqual({
      message: 'Job cancellation requested',
      job_id: turn.id,
      workflow_id: 'my-flow',
    })
    expect(turn.commands).toMatchObject([{ type: 'cancel' }])
    turn.happen(end('cancelled'))
    for (const one of [client, other]) {
      await one.until({ type: 'generation_stopped', job_id: turn.id })
      expect(one.frames.filter(({ type }) => type === 'job_update')).toMatchObject([
        { status: 'running' },
        { status: 'cancelled' },
      ])
    }
    expect(await status({ job_id: turn.id })).toMatchObject({ status: 'cancelled' })
    expect(await status({})).toEqual({ active_jobs: [] })
    other.send({ command: 'cancel_job', data: { job_id: turn.id } })
    await other.until({ error: 'Job not found or already completed', job_id: turn.id })
    await client.close()
    await other.close()
  })

  it('are stopped as jobs, and that is said once', async () => {
    const client = await open()
    client.send({ command: 'run_job', data: { workflow_id: 'my-flow' } })
    const turn = await turns.next()
    turn.happen(start)
    await client.until({ type: 'job_update' })
    client.send({ command: 'stop', data: { job_id: turn.id } })
    // The server waits for the end of what it stops; here the test is the engine that ends it.
    expect(await turn.commanded).toMatchObject({ type: 'cancel' })
    turn.happen(end('cancelled'))
    expect(await client.until({ message: 'Stop command processed' })).toEqual({
      message: 'Stop command processed',
      job_id: turn.id,
      thread_id: null,
    })
    expect(client.types().filter((type) => type === 'generation_stopped')).toHaveLength(1)
    await client.close()
  })

  it('ask the client for its tools, and say what others do', async () => {
    const client = await open()
    client.send({ type: 'client_tools_manifest', tools: [{ name: 'ui_open' }] })
    client.send({ role: 'user', content: 'Go', workflow_id: 'my-flow' })
    const turn = await turns.next()
    turn.happen(start)
    const call = {
      type: 'tool-call',
      part: 0,
      callId: 'c1',
      name: 'ui_open',
      arguments: '{"id":1}',
      side: 'client',
    } as const
    turn.happen([call, { ...call, callId: 'c2', name: 'search', side: 'server' }], ['n1'])
    turn.happen([{ type: 'tool-result', callId: 'c2', name: 'search', result: '{"hits":2}', isError: false }], ['n1'])
    turn.happen([
      { type: 'plan-update', phase: 'planning', status: 'done', content: 'Two steps' },
      { type: 'task-update', task: { id: 't1', title: 'Look' }, step: { id: 's1' }, event: 'step_started' },
    ])
    await client.until({ type: 'task_update' })
    const about = { job_id: turn.id, workflow_id: 'my-flow' }
    expect(client.frames.slice(2)).toMatchObject([
      { type: 'tool_call_update', tool_call_id: 'c1', name: 'ui_open', args: { id: 1 }, node_id: 'n1', ...about },
      { type: 'tool_call', tool_call_id: 'c1', name: 'ui_open', args: { id: 1 } },
      { type: 'tool_call_update', tool_call_id: 'c2', ...about },
      { type: 'tool_call', tool_call_id: 'c2', side: 'server' },
      { type: 'tool_result_update', node_id: 'n1', result: { name: 'search', result: { hits: 2 } }, ...about },
      { type: 'planning_update', phase: 'planning', status: 'done', content: 'Two steps', ...about },
      {
        type: 'task_update',
        task: { type: 'task', id: 't1', title: 'Look' },
        step: { type: 'step', id: 's1' },
        event: 'step_started',
        ...about,
      },
    ])
    client.send({ type: 'tool_result', tool_call_id: 'c1', result: { opened: true }, ok: true })
    await client.settled()
    expect(turn.commands).toEqual([{ type: 'tool-result', callId: 'c1', result: '{"opened":true}', isError: false }])
    turn.happen(end('completed'))
    await client.until(isLast)
    await client.close()
  })
})

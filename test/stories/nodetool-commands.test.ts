import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, type NodeToolClient, type NodeToolFrame, openNodeTool } from '#test/support/nodetool-client.ts'
import { useStory } from '#test/support/story.ts'

const stopped = 'Generation stopped by user'
const noSuchJob = 'Job not found or already completed'

/** What a command is answered with, and what else came of it. */
async function command(client: NodeToolClient, frame: object): Promise<NodeToolFrame[]> {
  const from = client.frames.length
  client.send(frame)
  await client.settled()
  return client.frames.slice(from, -1)
}

for (const kind of databaseKinds)
  describe.each(encodings)(`the command wrapper of NodeTool's socket on ${kind} in %s`, (encoding) => {
    const story = useStory(kind)
    const open = () => openNodeTool(story.parley, { encoding })
    const workflow = async () => (await story.app()).id

    // CONTRACTS §2.6, word for word.
    it.each<[string, object, object]>([
      ['an unknown one', { command: 'fly', data: {} }, { error: 'Unknown command' }],
      ['one of the prototype', { command: 'constructor' }, { error: 'Unknown command' }],
      ['no command', { command: 7 }, { error: 'invalid_command', details: "'command' must be a string" }],
      [
        'data that is a list',
        { command: 'stop', data: [] },
        { error: 'invalid_command', details: "'data' must be an object" },
      ],
      ['cancel_job without job', { command: 'cancel_job', data: {} }, { error: 'No job_id provided' }],
      [
        'cancel_job of none',
        { command: 'cancel_job', data: { job_id: 'j', workflow_id: 'w' } },
        { error: noSuchJob, job_id: 'j', workflow_id: 'w' },
      ],
      ['get_status of none', { command: 'get_status', data: { job_id: 'j' } }, { status: 'not_found', job_id: 'j' }],
      ['get_status of all', { command: 'get_status' }, { active_jobs: [] }],
      [
        'stop without anything',
        { command: 'stop', data: {} },
        { error: 'job_id or thread_id is required for stop command' },
      ],
      ['clear_models', { command: 'clear_models', data: {} }, { message: 'Model clearing is disabled in production' }],
      [
        'chat_message without thread',
        { command: 'chat_message', data: { role: 'user', content: 'x' } },
        { error: 'thread_id is required for chat_message command' },
      ],
      [
        'stream_input',
        { command: 'stream_input', data: { job_id: 'j', input: 'text', value: 1 } },
        { error: 'No active job/context' },
      ],
      [
        'end_input_stream',
        { command: 'end_input_stream', data: { job_id: 'j', input: 'text' } },
        { error: 'No active job/context' },
      ],
      ['stream_input of nothing', { command: 'stream_input', data: { job_id: 'j' } }, { error: 'Invalid input name' }],
    ])('answers %s', async (_, frame, answer) => {
      const client = await open()
      expect(await command(client, frame)).toEqual([answer])
      await client.close()
    })

    it.each(['reconnect_job', 'resume_job', 'stream_input', 'end_input_stream'])(
      'asks for the job of %s',
      async (name) => {
        const client = await open()
        expect(await command(client, { command: name, data: {} })).toMatchObject([{ error: 'job_id is required' }])
        await client.close()
      },
    )

    it.each(['reconnect_job', 'resume_job'])('knows no job for %s', async (name) => {
      const client = await open()
      const answer = { error: noSuchJob, job_id: 'j', workflow_id: null }
      expect(await command(client, { command: name, data: { job_id: 'j' } })).toEqual([answer])
      await client.close()
    })

    it('takes a message, and answers it as one without wrapper', async () => {
      const client = await open()
      const thread_id = `wrapped ${encoding}`
      client.send({ command: 'chat_message', data: { role: 'user', content: 'Hello', thread_id } })
      expect(await client.until({ type: 'message' })).toMatchObject({ content: 'You said: Hello', thread_id })
      expect(client.frames[0]).toEqual({ message: 'Chat message processing started', thread_id })
      await client.ask({ content: 'Again', thread_id })
      expect(story.upstream.requests.at(-1)!.body.messages).toHaveLength(3)
      const [accepted, error, closing] = await command(client, {
        command: 'chat_message',
        data: { content: '', thread_id },
      })
      expect(accepted).toMatchObject({ message: 'Chat message processing started' })
      expect(error).toMatchObject({ type: 'error', field: 'content', thread_id })
      expect(closing).toMatchObject({ type: 'chunk', done: true, thread_id })
      await client.close()
    })

    it('stops a thread', async () => {
      const held = story.upstream.hold()
      held.send('Begun ')
      const client = await open()
      const thread_id = `stopped ${encoding}`
      client.send({ role: 'user', content: 'Hello', thread_id })
      const begun = await client.until({ content: 'Begun ' })
      const elsewhere = await command(client, { command: 'stop', data: { thread_id: 'elsewhere' } })
      expect(elsewhere).toEqual([
        { type: 'generation_stopped', message: stopped, job_id: null, thread_id: 'elsewhere' },
        { message: 'Stop command processed', job_id: null, thread_id: 'elsewhere' },
      ])
      const answers = await command(client, { command: 'stop', data: { thread_id } })
      await held.aborted
      expect(answers).toMatchObject([
        { type: 'chunk', done: true, status: 'cancelled' },
        { type: 'generation_stopped', message: stopped, job_id: begun.turn_id, thread_id },
        { message: 'Stop command processed', job_id: null, thread_id },
      ])
      await client.close()
    })

    it('runs an application as a job', async () => {
      const client = await open()
      const workflow_id = await workflow()
      client.send({ command: 'run_job', data: { workflow_id, params: { message: 'Hello' }, job_type: 'workflow' } })
      const message = await client.until({ type: 'message' })
      const started = client.frames[0]!
      expect(started).toEqual({ message: 'Job started', workflow_id, job_id: message.turn_id })
      expect(message).toMatchObject({ content: 'You said: Hello', workflow_id, thread_id: null })
      const job_id = started.job_id
      const status = await command(client, { command: 'get_status', data: { job_id } })
      expect(status).toEqual([{ status: 'completed', job_id, workflow_id }])
      const again = await command(client, { command: 'reconnect_job', data: { job_id } })
      expect(again[0]).toEqual({ message: `Reconnecting to job ${job_id}`, job_id, workflow_id })
      expect(again.at(-1)).toMatchObject({ type: 'message', content: 'You said: Hello', workflow_id })
      const resumed = await command(client, { command: 'resume_job', data: { job_id } })
      expect(resumed[0]).toEqual({ message: `Resumption initiated for job ${job_id}`, job_id, workflow_id })
      expect(await command(client, { command: 'cancel_job', data: { job_id } })).toEqual([
        { error: noSuchJob, job_id, workflow_id: null },
      ])
      await client.close()
    })

    it.each<[string, object, object]>([
      ['no workflow', {}, { error: 'workflow_id is required', code: 'invalid-request', field: 'workflow_id' }],
      ['an unknown workflow', { workflow_id: 'nowhere' }, { error: 'Workflow not found', field: 'workflow_id' }],
      ['a graph', { workflow_id: 'w', graph: { nodes: [] } }, { code: 'unsupported', field: 'graph' }],
      ['params that are a list', { workflow_id: 'w', params: [] }, { code: 'invalid-request', field: 'params' }],
    ])('refuses a job with %s', async (_, data, error) => {
      const client = await open()
      expect(await command(client, { command: 'run_job', data })).toMatchObject([error])
      await client.close()
    })

    it('refuses to run a workflow as long as none can be run', async () => {
      const made = await story.api('POST', '/api/v1/applications', { name: `Flow ${encoding}`, type: 'workflow' })
      const client = await open()
      const answer = await command(client, { command: 'run_job', data: { workflow_id: made.body.data.id } })
      expect(answer).toMatchObject([{ error: expect.stringContaining('workflow'), code: 'unsupported' }])
      await client.close()
    })

    it('speaks in the mode that was asked for, until the client speaks in another one than it asked in', async () => {
      const client = await open()
      const other = encoding === 'text' ? 'binary' : 'text'
      expect(await command(client, { command: 'set_mode', data: { mode: other } })).toEqual([
        { message: `Mode set to ${other}` },
      ])
      await client.ask({ content: 'Hello' })
      expect(new Set(client.encodings)).toEqual(new Set([other]))
      client.send({ type: 'ping' }, other)
      client.send({ type: 'ping' }, encoding)
      await client.settled()
      expect(client.encodings.at(-1)).toBe(encoding)
      const bad = await command(client, { command: 'set_mode', data: { mode: 'morse' } })
      expect(bad).toEqual([{ error: 'invalid_command', details: "'mode' must be text or binary" }])
      await client.close()
    })
  })

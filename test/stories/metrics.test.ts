import { describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

for (const kind of databaseKinds)
  describe(`figures for whoever watches the server on ${kind}`, () => {
    const story = useStory(kind)

    /** By name and labels, as they are written. */
    async function figures(): Promise<Record<string, number>> {
      const answer = await fetch(`${story.parley.url}/metrics`, { headers: story.parley.headers })
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
      )
    }
    /** What grew, as soon as that is what it should be; a count may come a moment after its answer. */
    const grown = (before: Record<string, number>, wanted: Record<string, number>) =>
      until(async () => {
        const now = await figures()
        return Object.entries(wanted).every(([name, by]) => (now[name] ?? 0) - (before[name] ?? 0) === by)
      })

    it('count turns by door and outcome, each once', async () => {
      const before = await figures()
      const body = { model: 'gpt-sim', messages: [{ role: 'user', content: 'Hello' }] }
      for (let again = 0; again < 2; again++)
        await story.api('POST', '/v1/chat/completions', body, { 'idempotency-key': 'counted once' })
      story.upstream.script({ strike: { kind: 'status', status: 400 } })
      await story.api('POST', '/v1/chat/completions', body)
      const app = await story.app()
      const held = story.upstream.hold()
      held.send('Begun ')
      const client = await openChat(story.parley, 'counted')
      client.send({ type: 'chat', content: 'Hello', application_id: app.id })
      const begun = await client.until(({ type }) => type === 'text-delta')
      expect((await figures()).parley_turns_running).toBe(1)
      client.send({ type: 'cancel' })
      await client.until(({ type }) => type === 'response_end')
      client.send({ type: 'resume', turn_id: begun.turn_id, after: begun.seq })
      await grown(before, {
        'parley_turns_started_total{door="openai"}': 2,
        'parley_turns_ended_total{door="openai",outcome="completed"}': 1,
        'parley_turns_ended_total{door="openai",outcome="failed"}': 1,
        'parley_turns_started_total{door="chat-socket"}': 1,
        'parley_turns_ended_total{door="chat-socket",outcome="cancelled"}': 1,
        'parley_turn_resumes_total{door="chat-socket"}': 1,
        'parley_socket_frames_total{door="chat-socket",direction="in"}': 3,
        'parley_sockets_open{door="chat-socket"}': 1,
      })
      client.close()
      await grown(before, {
        'parley_sockets_open{door="chat-socket"}': 0,
        'parley_socket_closes_total{door="chat-socket",reason="peer-1005"}': 1,
      })
    })

    it('count requests by door and class of status, also those to nowhere', async () => {
      const before = await figures()
      await story.api('GET', '/v1/models')
      await story.api('GET', '/v1/models', undefined, { authorization: 'Bearer wrong' })
      await story.api('GET', '/api/v1/applications')
      await story.api('GET', '/nowhere')
      await grown(before, {
        'parley_http_requests_total{door="openai",status="2xx"}': 1,
        'parley_http_requests_total{door="openai",status="4xx"}': 1,
        'parley_http_requests_total{door="app",status="2xx"}': 1,
        'parley_http_requests_total{door="none",status="4xx"}': 1,
      })
    })

    it('tell of the process, and from the second time on how late its event loop was', async () => {
      await figures()
      const now = await figures()
      for (const name of [
        'process_resident_memory_bytes',
        'process_cpu_seconds_total',
        'nodejs_heap_size_used_bytes',
        'nodejs_eventloop_busy_seconds_total',
      ])
        expect(now[name], name).toBeGreaterThan(0)
      for (const quantile of ['0.5', '0.99', '1'])
        expect(now[`nodejs_eventloop_lag_seconds{quantile="${quantile}"}`]).toBeGreaterThanOrEqual(0)
    })
  })

import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { startParley } from '#test/support/parley.ts'
import { useStory } from '#test/support/story.ts'
import { startUpstream } from '#test/support/upstream-simulator.ts'

const ask = { model: 'gpt-sim', messages: [{ role: 'user' as const, content: 'Hello' }] }

for (const kind of databaseKinds)
  describe(`errors as the openai SDK sees them on ${kind}`, () => {
    const story = useStory(kind)
    const limited = useStory(kind, { env: { PARLEY_LIMITS: 'on', PARLEY_LIMIT_CHAT: '1/min burst 1' } })

    const failure = async (doing: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
      const thrown = await doing.then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(thrown).toBeInstanceOf(OpenAI.APIError)
      return thrown as InstanceType<typeof OpenAI.APIError>
    }

    it('a wrong key is an AuthenticationError', async () => {
      const error = await failure(story.openai({ apiKey: 'parley_wrong' }).chat.completions.create(ask))
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
      expect(error).toMatchObject({ status: 401, type: 'authentication_error', code: 'invalid_api_key' })
    })

    it('an unknown model is a NotFoundError that names the field', async () => {
      const error = await failure(story.openai().chat.completions.create({ ...ask, model: 'nobody-has-it' }))
      expect(error).toBeInstanceOf(OpenAI.NotFoundError)
      expect(error).toMatchObject({ status: 404, type: 'not_found_error', code: 'model_not_found', param: 'model' })
    })

    it('a bad value is a BadRequestError that names the field', async () => {
      const error = await failure(story.openai().chat.completions.create({ ...ask, temperature: 9 }))
      expect(error).toBeInstanceOf(OpenAI.BadRequestError)
      expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param: 'temperature' })
      const roles = await failure(
        story.openai().chat.completions.create({ ...ask, messages: [{ role: 'king' as 'user', content: 'x' }] }),
      )
      expect(roles).toMatchObject({ status: 400, param: 'messages[0].role' })
    })

    it('what the upstream has against the request itself is not tried again', async () => {
      story.upstream.script({ strike: { kind: 'status', status: 400 } })
      const before = story.upstream.requests.length
      const error = await failure(story.openai({ maxRetries: 3 }).chat.completions.create(ask))
      expect(error).toMatchObject({ code: 'upstream_rejected' })
      expect(story.upstream.requests.length - before).toBe(1)
    })

    it('a used-up limit is a RateLimitError with Retry-After', async () => {
      const openai = limited.openai()
      let error: InstanceType<typeof OpenAI.APIError> | undefined
      for (let calls = 0; calls < 5 && !error; calls++)
        await openai.chat.completions.create(ask).catch((thrown) => {
          error = thrown
        })
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' })
      expect(Number(error!.headers!.get('retry-after'))).toBeGreaterThan(0)
      expect(error!.headers!.get('x-ratelimit-limit')).toBe('1')
    })

    it('an upstream’s own limit is a 503 with its Retry-After, as the SDK’s own retries want it', async () => {
      const limit = (seconds: string) => ({
        strike: { kind: 'status' as const, status: 429, headers: { 'retry-after': seconds } },
      })
      const alone = await startAlone()
      alone.upstream.script(limit('7'))
      const error = await failure(alone.openai.chat.completions.create(ask))
      expect(error).toBeInstanceOf(OpenAI.InternalServerError)
      expect(error).toMatchObject({ status: 503, type: 'service_unavailable_error', code: 'upstream_rate_limited' })
      expect(Number(error.headers!.get('retry-after'))).toBeGreaterThanOrEqual(6)
      await alone.close()
    })

    it('is over for a client that lets the SDK try again', async () => {
      const alone = await startAlone()
      alone.upstream.script({ strike: { kind: 'status', status: 401 } }, { text: 'At last.' })
      // What this server is refused for is no reason to try again; the upstream’s overload is.
      const refused = await failure(alone.openai.chat.completions.create(ask))
      expect(refused).toMatchObject({ status: 502, code: 'upstream_auth' })
      await alone.close()

      const busy = await startAlone()
      const overloaded = { strike: { kind: 'status' as const, status: 503 } }
      // Twice: this server itself asks once more.
      busy.upstream.script(overloaded, overloaded, { text: 'At last.' })
      const patient = new OpenAI({ apiKey: busy.parley.key, baseURL: `${busy.parley.url}/v1`, maxRetries: 3 })
      const answer = await patient.chat.completions.create(ask)
      expect(answer.choices[0]!.message.content).toBe('At last.')
      expect(busy.upstream.requests).toHaveLength(3)
      await busy.close()
    })

    it('a moment’s trouble of the only upstream is not seen at all', async () => {
      const alone = await startAlone()
      alone.upstream.script({ strike: { kind: 'status', status: 500 } }, { text: 'Now.' })
      const answer = await alone.openai.chat.completions.create(ask)
      expect(answer.choices[0]!.message.content).toBe('Now.')
      expect(alone.upstream.requests).toHaveLength(2)
      await alone.close()
    })

    it('a stream that breaks in the middle throws, after what was said, and never seems finished', async () => {
      const held = story.upstream.hold()
      held.send('Half ')
      const stream = await story.openai().chat.completions.create({ ...ask, stream: true })
      let text = ''
      const reasons: unknown[] = []
      const error = await failure(
        (async () => {
          for await (const chunk of stream) {
            text += chunk.choices[0]?.delta.content ?? ''
            if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason)
            if (text === 'Half ') held.strike({ kind: 'reset' })
          }
        })(),
      )
      expect(text).toBe('Half ')
      expect(reasons).toEqual([])
      expect(error.message).not.toBe('')
    })

    async function startAlone() {
      const upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      const parley = await startParley({ kind, upstreamUrl: upstream.url })
      const openai = new OpenAI({ apiKey: parley.key, baseURL: `${parley.url}/v1`, maxRetries: 0 })
      return {
        upstream,
        parley,
        openai,
        close: async () => {
          await parley.close()
          await upstream.close()
        },
      }
    }
  })

/** A server under guardrails, and what the stories about them need: rules for the time of one story, what was noted, an SDK’s view. */
import OpenAI from 'openai'
import { expect } from 'vitest'
import type { DatabaseKind } from './databases.ts'
import { useStory } from './story.ts'

export const ask = (content: string, more: object = {}) => ({
  model: 'gpt-sim',
  messages: [{ role: 'user' as const, content }],
  ...more,
})

export function useGuardrailStory(kind: DatabaseKind) {
  const story = useStory(kind)

  async function workspace(): Promise<string> {
    return (await story.api('GET', '/api/v1/workspaces')).body.data[0].id
  }

  const words = (list: string[], action: string, more: object = {}) => ({
    name: `no ${list[0]}`,
    kind: 'words',
    where: 'both',
    action,
    config: { words: list, match: 'part', replacement: '***' },
    ...more,
  })

  /** Makes rules of the workspace, or of an app, for the time of one story. */
  async function under<T>(rules: object[], story1: () => Promise<T>, app?: string): Promise<T> {
    const prefix = app ? `/api/v1/applications/${app}` : `/api/v1/workspaces/${await workspace()}`
    const ids: string[] = []
    for (const rule of rules) {
      const made = await story.api('POST', `${prefix}/guardrails`, rule)
      expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201 })
      ids.push(made.body.data.id)
    }
    try {
      return await story1()
    } finally {
      for (const id of ids) expect((await story.api('DELETE', `${prefix}/guardrails/${id}`)).status).toBe(200)
    }
  }

  const violations = async (query = '') =>
    (await story.api('GET', `/api/v1/workspaces/${await workspace()}/guardrails/violations${query}`)).body.data

  const failure = async (doing: Promise<unknown>) => {
    const thrown = await doing.then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(thrown).toBeInstanceOf(OpenAI.APIError)
    return thrown as InstanceType<typeof OpenAI.APIError>
  }

  /** Streams with the vendor's client: the text, the finish reason, the usage, and what it threw. */
  async function streamed(request: object) {
    const seen = { text: '', reasons: [] as string[], usage: undefined as unknown, thrown: undefined as unknown }
    const create = { ...request, stream: true, stream_options: { include_usage: true } }
    try {
      const stream = await story.openai().chat.completions.create(create as never)
      for await (const chunk of stream as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>) {
        seen.text += chunk.choices[0]?.delta.content ?? ''
        if (chunk.choices[0]?.finish_reason) seen.reasons.push(chunk.choices[0].finish_reason)
        seen.usage ??= chunk.usage ?? undefined
      }
    } catch (thrown) {
      seen.thrown = thrown
    }
    return seen
  }

  return { story, workspace, words, under, violations, failure, streamed }
}

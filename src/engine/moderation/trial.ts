import { type GuardrailHitNote, type Message, textOf } from '#contracts/index.ts'
import { PartWriter } from '../part-writer.ts'
import type { AskDeps, Spent } from './asking.ts'
import type { Rules } from './compile.ts'
import { Guard } from './guard.ts'

/** What rules would do to a text. */
export interface Trial {
  outcome: 'allowed' | 'flagged' | 'masked' | 'blocked'
  /** What would go on. */
  text: string
  hits: GuardrailHitNote[]
  /** The model calls that it cost. */
  calls: Spent[]
}

/** Holds a text to rules as if it were a message or an answer. Never throws. */
export async function tryRules(
  rules: Rules,
  given: { text: string; where: 'input' | 'output' },
  deps: AskDeps,
): Promise<Trial> {
  const guard = new Guard(rules, deps)
  const { signal } = new AbortController()
  const text =
    given.where === 'input' ? await asMessage(guard, given.text, signal) : await asAnswer(guard, given.text, signal)
  const hits = guard.notes.list()
  const outcome = guard.refusal ? 'blocked' : text !== given.text ? 'masked' : hits.length > 0 ? 'flagged' : 'allowed'
  return { outcome, text, hits, calls: guard.takeSpent() }
}

async function asMessage(guard: Guard, text: string, signal: AbortSignal): Promise<string> {
  const message: Message = { role: 'user', parts: [{ type: 'text', text }] }
  let read: readonly Message[] = await guard.readMessages([message])
  if (guard.asksAboutInput) read = await guard.askAboutMessages(read, signal)
  return guard.refusal ? '' : textOf(read[0]!.parts)
}

async function asAnswer(guard: Guard, text: string, signal: AbortSignal): Promise<string> {
  const writer = new PartWriter(
    () => undefined,
    () => 'client',
    0,
  )
  const answer = guard.answer(writer)
  if (!answer) return text
  answer.write({ type: 'text', text })
  await answer.end(true, signal)
  return textOf(writer.parts)
}

import type { Guardrail, Message } from '#contracts/index.ts'
import type { Ending, TurnControl } from '#engine/index.ts'
import { compileRules, Guard, type Rules } from '#engine/moderation/index.ts'
import { errorInfo } from '#errors/index.ts'
import { titleFrom } from '#features/conversations/index.ts'
import type { TurnsDeps } from './deps.ts'
import type { PreparedTurn } from './prepare.ts'

/** What holds a turn to its rules, and the messages of its request as they go on. */
export interface GuardedInput {
  guard: Guard
  /** One for each message of the request. */
  messages: readonly Message[]
  /** Somebody must still be asked about them: until then they are not stored and no model sees them. */
  isOpen: boolean
}

/** Rules made ready, kept as long as their list: it is the same until something is changed. */
const compiled = new WeakMap<readonly Guardrail[], Rules>()

/** Undefined when there are no rules, and then at once whenever that is known. */
export function guardFor(
  deps: TurnsDeps,
  workspaceId: number,
  appId: number | undefined,
): Guard | undefined | Promise<Guard | undefined> {
  const found = deps.guardrails.forTurn(workspaceId, appId)
  if (found instanceof Promise) return found.then((rules) => guardOf(deps, rules))
  return found.length === 0 ? undefined : guardOf(deps, found)
}

async function guardOf(deps: TurnsDeps, rules: readonly Guardrail[]): Promise<Guard | undefined> {
  if (rules.length === 0) return undefined
  const ready = compiled.get(rules) ?? (await compileRules(rules))
  compiled.set(rules, ready)
  return new Guard(ready, deps.guardrails.asking)
}

/** Holds the messages of a request to the rules that need nobody else. */
export async function readInput(guard: Guard, messages: readonly Message[]): Promise<GuardedInput> {
  return { guard, messages: await guard.readMessages(messages), isOpen: guard.asksAboutInput }
}

/**
 * Asks whom the rules want asked about the input of a turn, and puts what came of it into `prepared`. Gives the end of a
 * turn that was refused (also earlier, by other rules) or cancelled meanwhile.
 */
export async function decideInput(
  prepared: PreparedTurn,
  input: GuardedInput,
  control: TurnControl,
): Promise<Ending | undefined> {
  const { guard } = input
  if (input.isOpen) {
    const decided = await control.interruptible((signal) => guard.askAboutMessages(input.messages, signal))
    if (control.cancelReason !== undefined) {
      control.close()
      return { outcome: 'cancelled', finishReason: 'cancelled' }
    }
    replace(prepared, input, decided)
  }
  if (!guard.refusal) return undefined
  control.close()
  return { outcome: 'failed', finishReason: 'content-filter', error: errorInfo(guard.refusal) }
}

function replace(prepared: PreparedTurn, input: GuardedInput, decided: readonly Message[]): void {
  const replaced = new Map(input.messages.map((message, index) => [message, decided[index]!]))
  const newest = (message: Message) => replaced.get(message) ?? message
  prepared.messages = prepared.messages.map(newest)
  prepared.engine = { ...prepared.engine, messages: prepared.engine.messages.map(newest) }
  prepared.title = titleFrom(decided)
  input.messages = decided
  input.isOpen = false
}

import type { GuardedPlace, Message, Part, TurnEvent } from '#contracts/index.ts'
import type { AppError } from '#errors/index.ts'
import type { PartWriter } from '../part-writer.ts'
import { AnswerGuard } from './answer-guard.ts'
import { type Answer, type AskDeps, ask, type Spent } from './asking.ts'
import type { AskingRule, Rules } from './compile.ts'
import { checkMessages, redactMessages, withTexts } from './input.ts'
import { filterOptions, lookThrough, noting, type Watch } from './look-through.ts'
import { Notes } from './notes.ts'
import { type RefusedAt, refusal } from './refusal.ts'
import { TextFilter, Work } from './text-filter.ts'

/** Characters of an answer that are held back at most. */
const window = 1_000

/**
 * Holds one turn to its rules. Nothing here throws for what it finds: once `refusal` is set, the turn is to end with it,
 * and whatever asks is given nothing more.
 */
export class Guard {
  readonly rules: Rules
  readonly notes = new Notes()
  /** Why the turn ends, once something was refused. */
  refusal: AppError | undefined
  private readonly deps: AskDeps
  private readonly filters = new Map<string, TextFilter>()
  private readonly work: Work
  private spent: Spent[] = []

  constructor(rules: Rules, deps: AskDeps, work = new Work()) {
    this.rules = rules
    this.deps = deps
    this.work = work
  }

  /** Whether somebody must be asked before the input may go to a model. */
  get asksAboutInput(): boolean {
    return this.refusal === undefined && this.rules.input.asking.length > 0
  }

  /**
   * The messages of a request as they may go on, one for each; those of a request that is refused have nothing in them of
   * what refuses it. Looks through them with the rules that find something by themselves.
   */
  async readMessages(messages: readonly Message[]): Promise<Message[]> {
    const check = await checkMessages(this.rules, messages, this.work)
    this.notes.addAll(check.notes.list())
    if (!check.refused) return check.messages
    this.refuse('input')
    return redactMessages(this.rules, messages)
  }

  /** The same for rules that ask, over what `readMessages` gave. */
  askAboutMessages(messages: readonly Message[], signal: AbortSignal): Promise<readonly Message[]> {
    return this.askAboutInput(messages, 'message', signal)
  }

  /** What a tool gave. When it is refused nothing is given of it. */
  async readResult(text: string, signal: AbortSignal): Promise<string> {
    const looked = await lookThrough(this.rules.input, text, this.noting('input', 'tool-result'))
    if (looked.blocked) {
      this.refuse('tool-result')
      return defaultMask
    }
    const mask = await this.askAll(this.rules.input.asking, [looked.text], 'input', 'tool-result', signal)
    if (this.refusal) return defaultMask
    return mask ?? looked.text
  }

  /** What came in while the turn ran, read as a message is. Of what is refused its text is given, without what was found. */
  async readSteered(parts: Part[], signal: AbortSignal): Promise<Part[]> {
    const steered: Message[] = [{ role: 'user', parts }]
    const check = await checkMessages(this.rules, steered, this.work, 'steering')
    this.notes.addAll(check.notes.list())
    if (check.refused) {
      this.refuse('steering')
      return redactMessages(this.rules, steered)[0]!.parts
    }
    return (await this.askAboutInput(check.messages, 'steering', signal))[0]!.parts
  }

  /** Stands between one model call and the writer of its parts; undefined when no rule is about answers. */
  answer(writer: PartWriter): AnswerGuard | undefined {
    const { isLocal, asking } = this.rules.output
    return isLocal || asking.length > 0 ? new AnswerGuard(this, writer) : undefined
  }

  /** The model calls that questions have cost since this was last asked. */
  takeSpent(): Spent[] {
    const spent = this.spent
    this.spent = []
    return spent
  }

  /** Tells them, each as a call that is over. Only while no other call is open. */
  tellSpent(emit: (event: TurnEvent, audience: 'internal') => void): void {
    for (const { model, upstream, ...call } of this.takeSpent()) {
      emit({ type: 'model-start', step: 0, model, upstream }, 'internal')
      emit({ type: 'model-end', step: 0, model, upstream, ...call }, 'internal')
    }
  }

  /** The filter for one kind of part: it outlives parts and calls, so that nothing hides on both sides of an end. */
  filterOf(kind: 'text' | 'reasoning' | 'refusal'): TextFilter {
    let filter = this.filters.get(kind)
    if (!filter) {
      const options = filterOptions(this.noting('output', kind))
      filter = new TextFilter(this.rules.output.matchers(), { window, ...options })
      this.filters.set(kind, filter)
    }
    return filter
  }

  noting(where: 'input' | 'output', place: GuardedPlace): Watch {
    return noting(this.rules, this.notes, this.work, where, place)
  }

  refuse(at: RefusedAt): void {
    this.refusal ??= refusal(at)
  }

  /** Asks about a piece of an answer before it is shown; gives the mask to show instead, if there is one. */
  askAboutPiece(rules: readonly AskingRule[], text: string, signal: AbortSignal): Promise<string | undefined> {
    return this.askAll(rules, [text], 'output', 'text', signal)
  }

  /** Asks those who only want to know, about a whole answer. */
  async askAboutAnswer(text: string, signal: AbortSignal): Promise<void> {
    const rules = this.rules.output.asking.filter(({ action }) => action === 'flag')
    await this.askAll(rules, [text], 'output', 'text', signal)
  }

  private async askAboutInput(
    messages: readonly Message[],
    place: 'message' | 'steering',
    signal: AbortSignal,
  ): Promise<readonly Message[]> {
    const asked = messages.filter(({ role }) => role !== 'assistant')
    const texts: string[] = []
    withTexts(asked, (text) => {
      texts.push(text)
      return text
    })
    const mask = await this.askAll(this.rules.input.asking, texts, 'input', place, signal)
    if (this.refusal) return redactMessages(this.rules, messages, defaultMask)
    if (mask === undefined) return messages
    return messages.map((message) => (message.role === 'assistant' ? message : withTexts([message], () => mask)[0]!))
  }

  /** Asks for all rules at the same time. Notes what was found, refuses where a rule says so, gives the first mask. */
  private async askAll(
    rules: readonly AskingRule[],
    texts: readonly string[],
    where: 'input' | 'output',
    place: GuardedPlace,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (rules.length === 0) return undefined
    const spent = (call: Spent) => void this.spent.push(call)
    // What a model says now it will hardly say again, word for word.
    const deps = where === 'output' ? { ...this.deps, passed: undefined } : this.deps
    const answers = await Promise.all(rules.map((rule) => ask(rule, texts, deps, signal, spent)))
    let mask: string | undefined
    for (const [index, rule] of rules.entries()) {
      const answer = answers[index]!
      if (!counts(rule, answer)) continue
      this.notes.add(rule, where, place, () => (answer.detail === '' ? '' : `[${answer.detail}]`), answer.outage)
      if (rule.action === 'block')
        this.refuse(where === 'output' ? 'output' : place === 'message' ? 'input' : asMidway(place))
      else if (rule.action === 'mask') mask ??= rule.check.replacement ?? defaultMask
    }
    return mask
  }
}

const defaultMask = '[removed]'

/** That nobody could be asked is no find of a rule that only tells. */
function counts(rule: AskingRule, { found, outage }: Answer): boolean {
  return found && !(outage && rule.action === 'flag')
}

function asMidway(place: GuardedPlace): RefusedAt {
  return place === 'steering' ? 'steering' : 'tool-result'
}

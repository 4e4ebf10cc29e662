import type { GuardedPlace, Message, Part } from '#contracts/index.ts'
import { inlineText } from '#lib/inline-text.ts'
import type { Rules, Side } from './compile.ts'
import { lookThrough, noting, redact } from './look-through.ts'
import { Notes } from './notes.ts'
import type { Work } from './text-filter.ts'
import { lookThroughArguments } from './tool-arguments.ts'

export interface MessagesCheck {
  /** One for each that was given, masked. */
  messages: Message[]
  refused: boolean
  notes: Notes
}

/**
 * Looks through the messages of a request with the rules that find something by themselves. What its caller repeats of
 * earlier turns (everything up to the last answer) is masked and refused like the rest, but noted only when refused: it
 * was noted when it was new.
 */
export async function checkMessages(
  rules: Rules,
  messages: readonly Message[],
  work: Work,
  place: 'message' | 'steering' = 'message',
): Promise<MessagesCheck> {
  const notes = new Notes()
  const checked: Message[] = []
  let refused = false
  const lastAnswer = messages.findLastIndex(({ role }) => role === 'assistant')
  for (const [index, message] of messages.entries()) {
    // What a model is said to have said is held to the rules for what models say.
    const side = message.role === 'assistant' ? rules.output : rules.input
    const found = new Notes()
    const look = new MessageLook(rules, side, found, work, place)
    checked.push(await look.through(message))
    refused ||= look.refused
    const isNew = index > lastAnswer
    notes.addAll(found.list().filter((note) => isNew || note.outage || note.rule.action === 'block'))
  }
  return { messages: checked, refused, notes }
}

class MessageLook {
  refused = false
  private readonly rules: Rules
  private readonly side: Side
  private readonly notes: Notes
  private readonly work: Work
  private readonly place: 'message' | 'steering'

  constructor(rules: Rules, side: Side, notes: Notes, work: Work, place: 'message' | 'steering') {
    this.rules = rules
    this.side = side
    this.notes = notes
    this.work = work
    this.place = place
  }

  async through(message: Message): Promise<Message> {
    if (!this.side.isLocal) return message
    const parts: Part[] = []
    for (const part of message.parts) parts.push(await this.part(part))
    if (message.name === undefined) return { ...message, parts }
    return { ...message, parts, name: await this.text(message.name) }
  }

  private async part(part: Part): Promise<Part> {
    switch (part.type) {
      case 'text':
      case 'refusal':
        return { ...part, text: await this.text(part.text) }
      case 'tool-result':
        return { ...part, result: await this.text(part.result, 'tool-result') }
      case 'tool-call': {
        const looked = await lookThroughArguments(this.side, part.arguments, this.found(this.place))
        this.refused ||= looked.blocked !== undefined
        return { ...part, arguments: looked.text }
      }
      case 'file':
        return this.file(part)
      default:
        return part
    }
  }

  /** A document that is text is read as text, however it came; when it must be changed, it goes on as text. */
  private async file(file: Extract<Part, { type: 'file' }>): Promise<Part> {
    const name = await this.text(file.name)
    const text = file.text ?? inlineText(file)
    if (text === undefined) return { ...file, name }
    const shown = await this.text(text)
    if (shown === text) return { ...file, name }
    const { data: _, url: __, ...rest } = file
    return { ...rest, name, text: shown }
  }

  private async text(text: string, place: GuardedPlace = this.place): Promise<string> {
    const looked = await lookThrough(this.side, text, this.found(place))
    this.refused ||= looked.blocked !== undefined
    return looked.text
  }

  private found(place: GuardedPlace) {
    return noting(this.rules, this.notes, this.work, 'input', place)
  }
}

/**
 * What is kept of the messages of a request that was refused: their text, with all replaced that any rule finds in it, and
 * nothing that is no text. `instead`: in the place of every text, where nobody can say what in it was found.
 */
export function redactMessages(rules: Rules, messages: readonly Message[], instead?: string): Message[] {
  return messages.map(({ role, parts }) => ({
    role,
    parts: parts.flatMap((part): Part[] => {
      const text =
        part.type === 'text' || part.type === 'refusal'
          ? part.text
          : part.type === 'tool-result'
            ? part.result
            : undefined
      return text === undefined ? [] : [{ type: 'text', text: instead ?? redact(rules, text) }]
    }),
  }))
}

/** The messages with every text that a model would read of them replaced. */
export function withTexts(messages: readonly Message[], replace: (text: string) => string): Message[] {
  return messages.map((message) => ({
    ...message,
    parts: message.parts.map((part): Part => {
      switch (part.type) {
        case 'text':
          return { ...part, text: replace(part.text) }
        case 'tool-result':
          return { ...part, result: replace(part.result) }
        case 'file': {
          const text = part.text ?? inlineText(part)
          if (text === undefined) return part
          const shown = replace(text)
          if (shown === text) return part
          const { data: _, url: __, ...rest } = part
          return { ...rest, text: shown }
        }
        default:
          return part
      }
    }),
  }))
}

import { type Message, textOf } from '#contracts/index.ts'
import { splitSentences } from '#lib/sentences.ts'

/** The user's last question, and what else stood in its message (a pasted text, as a rule). */
export interface Question {
  text: string
  pasted: string
  /** Index of its message; -1 when no user has spoken. */
  message: number
}

/** A message up to this length on one line is all question. */
const maxPlainQuestion = 300
const asks = /[?？؟⸮\u037e]["'”’»)\]]*$/

/** Whether a sentence asks something, by its last mark, in any script. */
export function isQuestion(sentence: string): boolean {
  return asks.test(sentence.slice(-6).trimEnd())
}

/** Finds the last question of a conversation and parts it from what was pasted around it. */
export function readQuestion(messages: readonly Message[]): Question {
  const message = messages.findLastIndex(({ role, parts }) => role === 'user' && textOf(parts).trim() !== '')
  if (message < 0) return { text: '', pasted: '', message: messages.findLastIndex(({ role }) => role === 'user') }
  const whole = textOf(messages[message]!.parts).trim()
  if (whole.length <= maxPlainQuestion && !/\n\s*\S/.test(whole)) return { text: whole, pasted: '', message }
  const { text, rest } = apart(whole)
  return { text, pasted: rest, message }
}

/** People ask before or after what they paste: the first or last line asks, else the shorter of them is the request. */
function apart(whole: string): { text: string; rest: string } {
  const lines = whole.split('\n').filter((line) => line.trim() !== '')
  const first = lines[0]!.trim()
  const last = lines.at(-1)!.trim()
  if (lines.length > 1) {
    for (const line of [last, first]) {
      if (line.length <= maxPlainQuestion && isQuestion(line)) return without(whole, line)
    }
  }
  const spans = [...edges(whole)]
  for (const span of spans.reverse()) {
    if (isQuestion(span)) return without(whole, span)
  }
  if (lines.length === 1) return { text: whole.slice(0, maxPlainQuestion), rest: '' }
  const shorter = last.length < first.length && !/[:：]$/.test(first) ? last : first
  if (shorter.length <= maxPlainQuestion) return without(whole, shorter)
  return { text: spans.at(-1) ?? first.slice(0, maxPlainQuestion), rest: whole }
}

/** The first and the last sentence, looked for only near the ends so that a huge paste costs nothing. */
function* edges(whole: string): Generator<string, void> {
  const near = 2000
  const head = whole.slice(0, near)
  for (const { start, end } of splitSentences(head)) {
    yield head.slice(start, end)
    break
  }
  const tail = whole.slice(-near)
  let last = ''
  for (const { start, end } of splitSentences(tail)) last = tail.slice(start, end)
  if (last !== '') yield last
}

function without(whole: string, question: string): { text: string; rest: string } {
  const at = whole.endsWith(question) ? whole.length - question.length : whole.indexOf(question)
  // A gap of a paragraph, so that what stood around the question does not become one sentence.
  const rest = `${whole.slice(0, at).trimEnd()}\n\n${whole.slice(at + question.length).trimStart()}`.trim()
  return { text: question, rest }
}

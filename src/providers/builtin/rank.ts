import { type Span, splitSentences } from '#lib/sentences.ts'
import type { SourceText } from './gather-sources.ts'
import { isQuestion } from './read-question.ts'
import { termsOf, wordsOf } from './terms.ts'

/** A passage that matches the question: `source.text.slice(start, end)`. `score` is 0..1. */
export interface Passage extends Span {
  source: SourceText
  score: number
}

export interface Ranking {
  passages: Passage[]
  /** Sentences beyond the bound were not looked at. */
  cut: boolean
}

interface Counted {
  /** How often each of the question's terms occurs, by the term's number. */
  counts: Map<number, number>
  /** In words. */
  length: number
}

interface Sentence extends Span, Counted {
  source: SourceText
  /** Its place among all sentences. */
  index: number
  /** How well it matches by itself. */
  own: number
  /** That, and how well the text around it matches. */
  score: number
}

export const maxSentences = 20_000
/** Sentences between two chances for others to run: a few milliseconds of work. */
const sentencesPerSlice = 256
const maxPassages = 4
const k1 = 1.6
const b = 0.7
/** Part of the question's weight that a sentence must cover to count as a match. */
const minCoverage = 0.2
/** A sentence far behind the best one is noise next to it. */
const minOfBest = 0.6
/** How much of a sentence's score is its text's: the right passage stands in the right document. */
const contextShare = 0.5

/**
 * Ranks the sentences of all sources against a question with BM25 and returns the few that truly match, best first,
 * neighbours merged. `pause` is awaited every few milliseconds of work; what it throws ends the ranking.
 */
export async function rankPassages(
  question: string,
  sources: readonly SourceText[],
  pause: () => Promise<void>,
  limit = maxSentences,
): Promise<Ranking> {
  const terms = questionTerms(question)
  if (terms.size === 0) return { passages: [], cut: false }
  const { sentences, cut } = await readSentences(sources, terms, pause, limit)
  const best = scoreSentences(sentences, terms.size)
  return { passages: toPassages(best, sentences), cut }
}

/** The question's distinct terms, numbered. */
function questionTerms(question: string): Map<string, number> {
  const terms = new Map<string, number>()
  // Sentence by sentence, so that no question makes the dictionary look-up long.
  for (const { start, end } of splitSentences(question.slice(0, 2000))) {
    for (const word of wordsOf(question.slice(start, end))) {
      for (const term of termsOf(word)) if (!terms.has(term)) terms.set(term, terms.size)
    }
  }
  return terms
}

async function readSentences(
  sources: readonly SourceText[],
  terms: ReadonlyMap<string, number>,
  pause: () => Promise<void>,
  limit: number,
): Promise<{ sentences: Sentence[]; cut: boolean }> {
  const sentences: Sentence[] = []
  const known = new Map<string, number[]>()
  for (const source of sources) {
    for (const { start, end } of splitSentences(source.text, { lines: source.lines })) {
      if (sentences.length >= limit) return { sentences, cut: true }
      const counts = new Map<number, number>()
      const words = wordsOf(source.text.slice(start, end))
      for (const word of words) {
        let matches = known.get(word)
        if (matches === undefined) {
          matches = termsOf(word).flatMap((term) => terms.get(term) ?? [])
          known.set(word, matches)
        }
        for (const match of matches) counts.set(match, (counts.get(match) ?? 0) + 1)
      }
      sentences.push({ source, index: sentences.length, start, end, counts, length: words.length, own: 0, score: 0 })
      if (sentences.length % sentencesPerSlice === 0) await pause()
    }
  }
  return { sentences, cut: false }
}

/** Sets every sentence's score and returns those that match, best first. */
function scoreSentences(sentences: Sentence[], termCount: number): Sentence[] {
  const frequency = new Array<number>(termCount).fill(0)
  const texts = new Map<SourceText, Counted>()
  let words = 0
  for (const { counts, length, source } of sentences) {
    const whole = texts.get(source) ?? { counts: new Map(), length: 0 }
    texts.set(source, whole)
    words += length
    whole.length += length
    for (const [term, count] of counts) {
      frequency[term]!++
      whole.counts.set(term, (whole.counts.get(term) ?? 0) + count)
    }
  }
  // As if twenty more sentences without a match existed: in a text of one sentence every word would weigh nothing.
  const total = sentences.length + 20
  // A word found nowhere weighs as if found once: that the question is about something else must count.
  const weights = frequency.map((found) => Math.log(1 + (total + 0.5) / (Math.max(1, found) + 0.5)))
  const sum = weights.reduce((all, weight) => all + weight, 0)
  const ofText = new Map([...texts].map(([text, whole]) => [text, bm25(whole, weights, words / texts.size) / sum]))
  const minTerms = termCount >= 4 ? 2 : 1

  const matching: Sentence[] = []
  for (const sentence of sentences) {
    if (sentence.counts.size < minTerms || coverage(sentence, weights) / sum < minCoverage) continue
    if (echoes(sentence)) continue
    sentence.own = bm25(sentence, weights, words / sentences.length) / sum
    sentence.score = (1 - contextShare) * sentence.own + contextShare * ofText.get(sentence.source)!
    matching.push(sentence)
  }
  const floor = minOfBest * matching.reduce((most, { own }) => Math.max(most, own), 0)
  // The sort is stable: equal scores stay in the order of the sources.
  return matching.filter(({ own }) => own >= floor).sort((one, other) => other.score - one.score)
}

/** At most the sum of the weights. */
function bm25(text: Counted, weights: readonly number[], averageLength: number): number {
  const norm = k1 * (1 - b + (b * text.length) / Math.max(1, averageLength))
  let score = 0
  for (const [term, count] of text.counts) score += (weights[term]! * count) / (count + norm)
  return score
}

function coverage({ counts }: Counted, weights: readonly number[]): number {
  let sum = 0
  for (const term of counts.keys()) sum += weights[term]!
  return sum
}

/** A question asked earlier in the conversation answers nothing. */
function echoes({ source, start, end }: Sentence): boolean {
  return source.origin === 'conversation' && isQuestion(source.text.slice(start, end))
}

/** The best few sentences as passages, best first; neighbours are one passage. */
function toPassages(best: readonly Sentence[], all: readonly Sentence[]): Passage[] {
  const chosen: Passage[] = []
  const quoted = new Set<string>()
  for (const sentence of best) {
    if (chosen.length === maxPassages) break
    const { source, start, score } = sentence
    const end = withSequel(sentence, all)
    const text = source.text.slice(start, end)
    if (!quoted.has(text)) chosen.push({ source, start, end, score })
    quoted.add(text)
  }
  const merged: Passage[] = []
  for (const passage of chosen.toSorted((one, other) => one.start - other.start)) {
    const before = merged.findLast(({ source }) => source === passage.source)
    if (!before || !touches(before, passage)) merged.push(passage)
    else {
      before.end = Math.max(before.end, passage.end)
      before.score = Math.max(before.score, passage.score)
    }
  }
  return merged.sort((one, other) => other.score - one.score)
}

/** A heading or a question matches, but what follows it is the answer: it is quoted along. */
function withSequel({ source, start, end, index }: Sentence, all: readonly Sentence[]): number {
  const text = source.text.slice(start, end)
  if (source.lines || !(isHeading(text) || isQuestion(text))) return end
  const next = all[index + 1]
  return next?.source === source ? next.end : end
}

/** Short and without an end mark; but list items and table rows have none either, nor has any sentence in Thai or Lao. */
function isHeading(text: string): boolean {
  return (
    text.length <= 80 &&
    !/[.!。！।…:;،,]["'”’)\]]*$/.test(text) &&
    !/^[|*+>•-]/.test(text) &&
    !/[\p{Script=Thai}\p{Script=Lao}]/u.test(text)
  )
}

/** Neighbours: they overlap, or only space without an empty line lies between. */
function touches(before: Passage, after: Span): boolean {
  if (after.start <= before.end) return true
  if (after.start - before.end > 8) return false
  return /^[^\S\n]*\n?[^\S\n]*$/.test(before.source.text.slice(before.end, after.start))
}

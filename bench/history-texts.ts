/** Questions and answers as a busy bot has them, always the same: words by Zipf's law, three scripts, and some words that are rare. */

export interface Saying {
  question: string
  answer: string
}

/** A generator of numbers in [0, 1) that gives the same ones every time. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const next = random(7)
const pick = (count: number) => Math.floor(next() * count)
/** Letters as often as English has them. */
const consonants = 'ttttnnnnsssshhhhrrrrdddlllccmmwwffggyyppbbvkjxqz'
const vowels = 'eeeeaaaiiioou'
const latin = vocabulary(20_000, () => {
  let made = ''
  let vowel = next() < 0.3
  for (let length = 1 + pick(9); made.length < length; vowel = next() < (vowel ? 0.15 : 0.75))
    made += vowel ? vowels[pick(vowels.length)] : consonants[pick(consonants.length)]
  return made
})
const hangul = vocabulary(8_000, () => letters(0xac00, 2_000, 2 + pick(2)))
const han = vocabulary(8_000, () => letters(0x4e00, 3_000, 2))

function vocabulary(size: number, make: () => string): string[] {
  const words = new Set<string>()
  while (words.size < size) words.add(make())
  return [...words]
}

function letters(first: number, count: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => first + pick(count)))
}

/** The nth word of a language is said 1/n as often as the first would be; the commonest are one in thirty. */
const word = (words: readonly string[]) => words[Math.floor(words.length ** (0.1 + 0.9 * next())) - 1]!
const text = (words: readonly string[], count: number, joint: string) =>
  Array.from({ length: count }, () => word(words)).join(joint)

/** What is said in a turn: 35 to 105 words, one time in a hundred thousand a word that nobody else says. */
export function sayingOf(index: number): Saying {
  const [words, joint] = index % 20 < 15 ? [latin, ' '] : index % 20 < 18 ? [hangul, ' '] : [han, '']
  const rare = index % 100_000 === 77 ? ` zyxomma${index} ` : ''
  return { question: text(words, 10, joint), answer: text(words, 25 + pick(70), joint) + rare }
}

/** What people look for: name, and texts of that kind. */
export const searches: Record<string, () => string> = {
  'a rare word': () => `zyxomma${pick(5) * 100_000 + 77}`,
  'an uncommon word': () => latin[2_000 + pick(15_000)]!,
  'a common word': () => latin[2 + pick(20)]!,
  'two words in a row': () => `${word(latin)} ${word(latin)}`,
  'two letters of Hangul': () => hangul[pick(8_000)]!.slice(0, 2),
  'two Han characters': () => han[pick(8_000)]!,
  'two Latin letters': () => ['th', 'qe', 'xq', 'zz', 'vj'][pick(5)]!,
  'one character': () => ['e', '한', '中', 'ß', 'x'][pick(5)]!,
  'a word nobody said': () => `un${pick(1e6)}said`,
}

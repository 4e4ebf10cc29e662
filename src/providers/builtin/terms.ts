import { stopWords } from './stop-words.ts'

const words = new Intl.Segmenter('en', { granularity: 'word' })
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const ideographs = /[\p{Script=Han}\p{Script=Hangul}]/u

/** The words of one sentence as they stand. Keep the text short: word finding in unspaced scripts uses a dictionary. */
export function wordsOf(text: string): string[] {
  if (!unspaced.test(text)) return text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  const found: string[] = []
  for (const segment of words.segment(text)) if (segment.isWordLike) found.push(segment.segment)
  return found
}

/** What a word counts as when texts are compared: none for a stop word, several for one of Han or Hangul. */
export function termsOf(word: string): string[] {
  const folded = fold(word)
  if (folded === '' || stopWords.has(folded)) return []
  // Korean particles stick to their noun and Chinese word borders are guesses: pairs of characters match across both.
  if (ideographs.test(folded)) return pairs(folded)
  // What is left of hiragana this short is particles and endings.
  if (/^\p{Script=Hiragana}{1,2}$/u.test(folded)) return []
  // The bound keeps endless "words" out of the stemmer's patterns.
  if (folded.length <= 40 && /^[a-z]+$/.test(folded)) return [stem(folded)]
  return [folded.replace(/^(?:وال|بال|كال|فال|لل|ال)(?=\p{L}{3})/u, '')]
}

function fold(word: string): string {
  if (/^[a-z0-9]*$/.test(word)) return word
  const compatible = word.normalize('NFKC').toUpperCase().toLowerCase()
  // Accents of Latin, Greek and Cyrillic, and Arabic short vowels, are often left out when typing; vowel signs of
  // Indic scripts and the voicing marks of kana are not, and mean another word.
  return compatible
    .normalize('NFD')
    .replace(/[\u0300-\u036f\u064b-\u0652\u0670\u0640]/g, '')
    .normalize('NFC')
}

function pairs(word: string): string[] {
  const characters = Array.from(word)
  if (characters.length < 3) return [word]
  const found: string[] = []
  for (let index = 1; index < characters.length; index++) found.push(characters[index - 1]! + characters[index]!)
  return found
}

/** Light English stemming: enough to bring plurals and verb forms together. */
function stem(word: string): string {
  let base = word
  if (base.length > 3) {
    if (base.endsWith('ies')) base = `${base.slice(0, -3)}y`
    else if (/(?:ss|x|ch|sh)es$/.test(base)) base = base.slice(0, -2)
    else if (base.endsWith('s') && !/(?:ss|us|is)$/.test(base)) base = base.slice(0, -1)
  }
  const ending = /(?:ing|ed)$/.exec(base)?.[0]
  if (ending && /[aeiouy].*[^aeiou]$|[aeiouy]{2,}/.test(base.slice(0, -ending.length))) {
    base = base.slice(0, -ending.length)
    if (base.length > 3 && /([bdgmnprt])\1$/.test(base)) base = base.slice(0, -1)
  }
  if (base.length > 3 && base.endsWith('e')) base = base.slice(0, -1)
  if (base.length > 3 && base.endsWith('y')) base = `${base.slice(0, -1)}i`
  return base
}

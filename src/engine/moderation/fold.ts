/** Letters without case and form, so that words are found however they are written. */

const ignorable = /\p{Default_Ignorable_Code_Point}/u
/** Arabic and Hebrew vowel signs and the like, and the stroke that only stretches a word. */
const pointing =
  /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]/u
const space = /\s/u
const wordCharacter = /[\p{L}\p{N}\p{M}_]/u
const mark = /\p{M}/u
/** Scripts that put no spaces between words. */
const unspaced = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u
/** Marks of no script of their own, and the letters that make a Hangul syllable another one. */
const attached = /(?=\p{M})\p{Script=Zinh}|[\u1160-\u11ff]/u

const mostRemembered = 8_192
const nothing: readonly number[] = []
const spaceFolded: readonly number[] = [32]
const ascii: readonly (readonly number[])[] = Array.from({ length: 128 }, (_, character) => foldAny(character))
const others = new Map<number, readonly number[]>()

/** A character (code point) as it is compared: none for what is not seen, several for what stands for several. */
export function fold(character: number): readonly number[] {
  if (character < 128) return ascii[character]!
  const known = others.get(character)
  if (known) return known
  if (others.size >= mostRemembered) others.clear()
  const folded = foldAny(character)
  others.set(character, folded)
  return folded
}

function foldAny(character: number): readonly number[] {
  if (character >= 0xd800 && character <= 0xdfff) return [character]
  const text = String.fromCodePoint(character)
  if (ignorable.test(text)) return nothing
  if (space.test(text)) return spaceFolded
  // Its lower case is an i with a dot above the dot.
  if (character === 0x130) return [0x69]
  const folded: number[] = []
  for (const piece of text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD'))
    if (!pointing.test(piece) && !ignorable.test(piece)) folded.push(piece.codePointAt(0)!)
  return folded.every((piece) => space.test(String.fromCodePoint(piece))) && folded.length > 0 ? spaceFolded : folded
}

/** A word or phrase as it is compared: trimmed, white space of any length being one space. */
export function foldText(text: string): number[] {
  const folded: number[] = []
  for (const character of text)
    for (const piece of fold(character.codePointAt(0)!)) if (piece !== 32 || folded.at(-1) !== 32) folded.push(piece)
  if (folded[0] === 32) folded.shift()
  if (folded.at(-1) === 32) folded.pop()
  return folded
}

/** Whether a word may end between two characters; -1 stands for the end of the text on that side. */
export function isWordBoundary(before: number, after: number): boolean {
  if (!isWordCharacter(before) || !isWordCharacter(after)) return true
  if (before < 128 && after < 128) return false
  const next = String.fromCodePoint(after)
  if (mark.test(next)) return false
  return unspaced.test(next) || unspaced.test(String.fromCodePoint(before))
}

function isWordCharacter(character: number): boolean {
  if (character < 0) return false
  if (character >= 128) return wordCharacter.test(String.fromCodePoint(character))
  return (
    (character >= 97 && character <= 122) ||
    (character >= 65 && character <= 90) ||
    (character >= 48 && character <= 57) ||
    character === 95
  )
}

/** Whether a character belongs to the one before it, making another letter of it. */
export function isAttached(character: number): boolean {
  return character >= 0x300 && attached.test(String.fromCodePoint(character))
}

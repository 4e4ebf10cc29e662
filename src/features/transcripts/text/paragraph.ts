import bidiPackage from 'bidi-js'
import type { HanForms } from '../fonts/catalog.ts'
import type { Font, FontLibrary } from '../fonts/library.ts'
import { emojiAt, mayBeEmoji } from './emoji.ts'
import { breakOpportunities } from './line-breaks.ts'
import type { Shaped, Shaper } from './shape.ts'
import type { Style, StyledText } from './styled-text.ts'

/** A stretch of text in one font, look and direction, between two places where a line may end. */
export interface Piece {
  shaped: Shaped
  /** Undefined: no font has the character; it is drawn as a box with its number. */
  font: Font | undefined
  style: Style
  /** The font has no italic of its own and is slanted. */
  slanted: boolean
  /** Of the bidirectional algorithm: odd is right to left. */
  level: number
  isSpace: boolean
  /** A line may begin here. */
  breakBefore: boolean
}

export interface Paragraph {
  pieces: Piece[]
  /** Its first strong character is right to left, so its lines begin at the right. */
  rtl: boolean
}

export interface Typesetter {
  library: FontLibrary
  shaper: Shaper
}

// @note the package is CommonJS, whose only export is the factory; its types say otherwise.
const bidi = (bidiPackage as unknown as typeof bidiPackage.default)()
/** Whether there is anything for the bidirectional algorithm to do. */
const hasDirections =
  /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const ignorable = /^\p{DI}$/u
/** What only steers the bidirectional algorithm; it has been read when text is laid out. */
const steering = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/
const attached = /^(?:\p{M}|\p{EMod}|\u200c|\u200d)$/u
/** Longer ones are shaped in parts, so that no word costs more than its length. */
const maxPieceLength = 200
/** The width of a box for a character that no font has, in thousandths of the size. */
export const missingWidth = 760

/** Text without line ends → pieces in reading order. */
export function paragraph(styledText: StyledText, han: HanForms, typesetter: Typesetter): Paragraph {
  const { text, spans } = styledText
  const { library, shaper } = typesetter
  const breaks = breakOpportunities(text)
  const embedding = hasDirections.test(text) ? bidi.getEmbeddingLevels(text, 'auto') : undefined
  const levels = embedding?.levels
  const pieces: Piece[] = []

  let spanAt = 0
  let style = spans[0]!.style
  let fonts = library.chooser({ ...style, han })
  let latin = fonts.of(0x61)
  let start = 0
  let font: Font | undefined
  let space = false
  /** Where the last character that is no mark began. */
  let base = 0

  function flush(end: number): void {
    if (end > start && font) {
      const level = levels?.[start] ?? 0
      add(shaper.shape(text, start, end, font, level % 2 === 1), font)
    }
    start = end
  }

  function add(shaped: Shaped, of: Font | undefined): void {
    const slanted =
      style.italic && of !== undefined && !of.file.italic && !of.file.colored && (levels?.[start] ?? 0) % 2 === 0
    const level = levels?.[start] ?? 0
    pieces.push({ shaped, font: of, style, slanted, level, isSpace: space, breakBefore: breaks[start] === 1 })
  }

  for (let at = 0; at < text.length; ) {
    while (spans[spanAt]!.end <= at) {
      flush(at)
      style = spans[++spanAt]!.style
      fonts = library.chooser({ ...style, han })
      latin = fonts.of(0x61)
      font = undefined
    }
    const codePoint = text.codePointAt(at)!
    // Within a word of Latin letters, which is most of most texts, nothing changes.
    if (isPlain(codePoint) && font === latin && !space && !levels && breaks[at] === 0 && at - start < maxPieceLength) {
      base = at++
      continue
    }
    const length = codePoint > 0xffff ? 2 : 1
    const isMark = codePoint >= 0x300 && attached.test(String.fromCodePoint(codePoint))
    // Not between a letter and its marks, however many; unless it is somebody's joke.
    const longest = isMark ? maxPieceLength * 4 : maxPieceLength
    if (breaks[at] === 1 || (levels && at > start && levels[at] !== levels[start]) || at - start >= longest) flush(at)

    const emoji = mayBeEmoji(codePoint) ? emojiAt(text, at) : undefined
    if (emoji !== undefined) {
      const shaped = shaper.shape(emoji, 0, emoji.length, library.emoji(), false)
      if (!shaped.glyphs.includes(0)) {
        flush(at)
        space = false
        add(shaped, library.emoji())
        at += emoji.length
        start = at
        font = undefined
        continue
      }
    }

    if (isMark && font && !space) {
      if (font.has(codePoint) || attach(codePoint, at)) {
        at += length
        continue
      }
    }

    const found = codePoint >= 0x61c && steering.test(text[at]!) ? undefined : fonts.of(codePoint)
    const isSpace = codePoint === 0x20 || (codePoint >= 0x2000 && codePoint <= 0x200a) || codePoint === 0x3000
    if (!found) {
      flush(at)
      if (!ignorable.test(String.fromCodePoint(codePoint))) {
        space = false
        add(missing(String.fromCodePoint(codePoint)), undefined)
      }
      start = at + length
      font = undefined
    } else {
      if (found !== font || isSpace !== space) flush(at)
      font = found
      space = isSpace
      base = at
    }
    at += length
  }
  flush(text.length)
  return { pieces, rtl: (embedding?.paragraphs[0]?.level ?? 0) % 2 === 1 }

  /** A mark that the font of its letter does not have: the letter goes over to a font that has both. False if none has. */
  function attach(mark: number, at: number): boolean {
    if (ignorable.test(String.fromCodePoint(mark))) return true
    const other = fonts.ofBoth(mark, text.codePointAt(base)!)
    if (!other || base < start || base >= at) return false
    // The marks that the letter has already go over with it.
    const all = [...text.slice(base, at)]
    if (!all.every((one) => other.has(one.codePointAt(0)!) || ignorable.test(one))) return false
    flush(base)
    font = other
    return true
  }
}

/** The same piece as two: what is before `length` characters, and the rest. */
export function cutPiece(piece: Piece, length: number, typesetter: Typesetter): [Piece, Piece] {
  const { text } = piece.shaped
  const half = (part: string, breakBefore: boolean): Piece => ({
    ...piece,
    shaped: typesetter.shaper.shape(part, 0, part.length, piece.font!, piece.level % 2 === 1),
    breakBefore,
  })
  return [half(text.slice(0, length), piece.breakBefore), half(text.slice(length), true)]
}

function missing(character: string): Shaped {
  return {
    text: character,
    glyphs: [],
    advances: [],
    dx: [],
    dy: [],
    clusters: [],
    width: missingWidth,
    inked: undefined,
  }
}

/** Letters and signs that begin no emoji (digits may: a keycap). */
function isPlain(codePoint: number): boolean {
  return codePoint < 0x7f && codePoint > 0x3b
}

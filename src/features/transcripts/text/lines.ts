import { cutPiece, type Paragraph, type Piece, type Typesetter } from './paragraph.ts'
import type { Style } from './styled-text.ts'

export interface Line {
  /** In reading order. */
  pieces: Piece[]
  /** Where each piece begins from the left, in points. */
  xs: number[]
  /** In points, without the spaces at its end. */
  width: number
}

/** Monospaced letters look larger than others of the same size. */
const monospacedScale = 0.9
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
/** Sums of widths are not exact. */
const tolerance = 0.01

/** The size in which a look is drawn in a text of `size` points. */
export function sizeOf(style: Style, size: number): number {
  return style.monospaced ? size * monospacedScale : size
}

export function widthOf(piece: Piece, size: number): number {
  return (piece.shaped.width * sizeOf(piece.style, size)) / 1000
}

/**
 * Fills lines of `width` points one after the other. A word that is longer than a line is cut between graphemes; even in
 * no room at all a line takes one. Always gives at least one line.
 */
export function fillLines({ pieces }: Paragraph, size: number, width: number, typesetter: Typesetter): Line[] {
  const lines: Line[] = []
  let line: Piece[] = []
  let used = 0
  /** The last piece of the line before which it may end. */
  let lastBreak = 0

  function end(upTo: number): void {
    const rest = line.splice(upTo)
    lines.push(placed(line, size))
    line = rest
    used = 0
    for (const piece of rest) used += widthOf(piece, size)
    lastBreak = 0
  }

  for (const next of pieces) {
    let piece = next
    for (;;) {
      if (piece.breakBefore) lastBreak = line.length
      const pieceWidth = widthOf(piece, size)
      if (piece.isSpace || used + pieceWidth <= width + tolerance) {
        line.push(piece)
        used += pieceWidth
        break
      }
      if (lastBreak > 0) {
        end(lastBreak)
        continue
      }
      const fitting = fittingLength(piece, size, width - used, line.length === 0, typesetter)
      if (fitting === 0) end(line.length)
      else if (fitting === piece.shaped.text.length) {
        line.push(piece)
        used += pieceWidth
        break
      } else {
        const [head, tail] = cutPiece(piece, fitting, typesetter)
        line.push(head)
        end(line.length)
        piece = tail
      }
    }
  }
  if (line.length > 0 || lines.length === 0) end(line.length)
  return lines
}

/** How many characters of a piece fit into `room`; with `atLeastOne` no fewer than a grapheme. */
function fittingLength(piece: Piece, size: number, room: number, atLeastOne: boolean, typesetter: Typesetter): number {
  const { font, shaped } = piece
  // A picture cannot be divided, however many characters it is.
  if (!font || font.file.colored) return atLeastOne ? shaped.text.length : 0
  let length = 0
  let used = 0
  for (const { segment } of graphemes.segment(shaped.text)) {
    const { width } = typesetter.shaper.shape(segment, 0, segment.length, font, piece.level % 2 === 1)
    used += (width * sizeOf(piece.style, size)) / 1000
    if (used > room + tolerance && !(atLeastOne && length === 0)) break
    length += segment.length
  }
  return length
}

/** Where the pieces of a line stand. */
function placed(pieces: Piece[], size: number): Line {
  let count = pieces.length
  while (count > 0 && pieces[count - 1]!.isSpace) count--
  const xs = new Array<number>(count)
  let width = 0
  let rtl = false
  for (let at = 0; at < count; at++) {
    xs[at] = width
    width += widthOf(pieces[at]!, size)
    rtl ||= pieces[at]!.level > 0
  }
  const shown = count === pieces.length ? pieces : pieces.slice(0, count)
  if (rtl) placeByLevels(shown, xs, size)
  return { pieces: shown, xs, width }
}

/** Rule L2 of the bidirectional algorithm: what is of a level or higher is turned around, from the highest level down. */
function placeByLevels(pieces: Piece[], xs: number[], size: number): void {
  const visual = pieces.map((_, at) => at)
  const level = (at: number) => pieces[visual[at]!]!.level
  const highest = pieces.reduce((most, piece) => Math.max(most, piece.level), 0)
  for (let turned = highest; turned > 0; turned--)
    for (let from = 0; from < visual.length; from++) {
      if (level(from) < turned) continue
      let to = from
      while (to < visual.length && level(to) >= turned) to++
      visual.splice(from, to - from, ...visual.slice(from, to).reverse())
      from = to
    }
  let x = 0
  for (const at of visual) {
    xs[at] = x
    x += widthOf(pieces[at]!, size)
  }
}

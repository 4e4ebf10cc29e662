import type { DrawnGlyphs } from '../pdf/drawn-glyphs.ts'
import type { EmbeddedFonts } from '../pdf/embedded-fonts.ts'
import { hex4, number, numbers, utf16Hex } from '../pdf/values.ts'
import { type Line, sizeOf, widthOf } from '../text/lines.ts'
import type { Piece } from '../text/paragraph.ts'
import type { Style } from '../text/styled-text.ts'
import type { Pages } from './pages.ts'
import { colors } from './theme.ts'

export interface Pen {
  pages: Pages
  fonts: EmbeddedFonts
  drawn: DrawnGlyphs
}

/** How far an invented italic leans. */
const slant = 0.2

/** Draws a line of text whose baseline begins at x, y. */
export function drawLine(pen: Pen, line: Line, size: number, x: number, y: number): void {
  const text = textOperators()
  for (let at = 0; at < line.pieces.length; at++) {
    const piece = line.pieces[at]!
    const left = x + line.xs[at]!
    if (piece.style.onGray) backdrop(pen, piece, size, left, y)
    drawPiece(pen, text, piece, size, left, y)
  }
  const operators = text.done()
  if (operators !== '') pen.pages.draw(operators)
  decorate(pen, line, size, x, y)
}

/** Code within a sentence stands on gray. */
function backdrop(pen: Pen, piece: Piece, size: number, x: number, y: number): void {
  const width = widthOf(piece, size)
  pen.pages.draw(`${numbers(colors.codeBack)} rg ${numbers([x, y - size * 0.28, width, size * 1.22])} re f`)
}

function drawPiece(pen: Pen, text: TextOperators, piece: Piece, size: number, x: number, y: number): void {
  const { shaped, font, style } = piece
  const ownSize = sizeOf(style, size)
  text.color(style)
  if (font === undefined || font.file.colored) {
    let left = x
    const count = Math.max(shaped.glyphs.length, 1)
    for (let at = 0; at < count; at++) {
      const said = at === 0 ? shaped.text : ''
      const glyph = font ? pen.drawn.emoji(font, shaped.glyphs[at]!, said) : pen.drawn.missing(shaped.text)
      text.move(pen.pages.useDrawn(glyph), ownSize, left, y, 0)
      text.show(glyph.code)
      left += ((shaped.advances[at] ?? 0) * ownSize) / 1000
    }
    text.breakRun()
    return
  }
  const embedded = pen.fonts.use(font)
  const { untold, shown, gap } = pen.fonts.draw(shaped, embedded, font)
  text.move(pen.pages.useFont(embedded), ownSize, x, y, piece.slanted ? slant : 0)
  if (shown !== undefined) {
    text.showAll(shown, gap!)
    text.advance((shaped.width * ownSize) / 1000)
    return
  }
  const whole = untold.size > 0 && piece.level % 2 === 0
  if (whole) text.beginSpan(shaped.text)
  for (let at = 0; at < shaped.glyphs.length; at++) {
    const glyph = shaped.glyphs[at]!
    // From right to left one cluster at a time: readers turn the letters of a line around, but not those of a span.
    const told = whole ? undefined : untold.get(shaped.clusters[at]!)
    if (told !== undefined && shaped.clusters[at - 1] !== shaped.clusters[at]) text.beginSpan(told)
    text.rise((shaped.dy[at]! * ownSize) / 1000)
    text.adjust(shaped.dx[at]!)
    text.show(hex4(glyph))
    text.adjust(shaped.advances[at]! - shaped.dx[at]! - embedded.widthOf(glyph))
    if (told !== undefined && shaped.clusters[at + 1] !== shaped.clusters[at]) text.endSpan()
  }
  text.rise(0)
  if (whole) text.endSpan()
  text.advance((shaped.width * ownSize) / 1000)
}

/** Lines under links and through what is struck, and where to click. */
function decorate(pen: Pen, { pieces, xs }: Line, size: number, x: number, y: number): void {
  for (let from = 0; from < pieces.length; ) {
    const { style } = pieces[from]!
    if (style.link === undefined && !style.struck) {
      from++
      continue
    }
    let left = Number.POSITIVE_INFINITY
    let right = 0
    // What is told of together stands together, in whatever direction.
    for (; from < pieces.length && pieces[from]!.style === style; from++) {
      left = Math.min(left, xs[from]!)
      right = Math.max(right, xs[from]! + widthOf(pieces[from]!, size))
    }
    if (style.link !== undefined) {
      pen.pages.rule(x + left, right - left, y - size * 0.14, style.color, 0.5)
      pen.pages.link(x + left, y - size * 0.3, right - left, size * 1.3, style.link)
    }
    if (style.struck) pen.pages.rule(x + left, right - left, y + size * 0.3, style.color, 0.7)
  }
}

type TextOperators = ReturnType<typeof textOperators>

/** One text object. Glyphs that follow each other in one font become one operator. */
function textOperators() {
  let out = ''
  /** Elements of the TJ array that is being made: glyphs, of which `hex` are the last, and gaps. */
  let shown = ''
  let hex = ''
  let gap = 0
  let fontName = ''
  let fontSize = 0
  let lean = 0
  let risen = 0
  let colored: Style['color'] | undefined
  /** Where the pen is, unless it was moved by hand. */
  let penX = Number.NaN
  let penY = Number.NaN

  function pushHex(): void {
    if (hex !== '') shown += `<${hex}>`
    hex = ''
  }
  function pushGap(): void {
    // Less cannot be seen, unless it adds up.
    if (Math.abs(gap) < 0.5) return
    pushHex()
    shown += number(-gap)
    gap = 0
  }
  function flush(): void {
    pushGap()
    pushHex()
    if (shown !== '') out += `[${shown}]TJ\n`
    shown = ''
  }

  function move(name: string, size: number, x: number, y: number, slanted: number): void {
    const sameFont = name === fontName && size === fontSize
    if (sameFont && slanted === lean && y === penY && Math.abs(x - penX) < 0.01) return
    flush()
    gap = 0
    if (!sameFont) out += `/${name} ${number(size)} Tf\n`
    out += `1 0 ${number(slanted)} 1 ${number(x)} ${number(y)} Tm\n`
    fontName = name
    fontSize = size
    lean = slanted
    penX = x
    penY = y
  }

  return {
    move,
    color(style: Style): void {
      if (style.color === colored) return
      flush()
      colored = style.color
      out += `${numbers(style.color)} rg\n`
    },
    show(code: string): void {
      pushGap()
      hex += code
    },
    /** Elements of a TJ array, and how far the pen is to move beyond them. */
    showAll(elements: string, more: number): void {
      pushGap()
      pushHex()
      shown += elements
      gap += more
    },
    /** Moves the pen by thousandths of the size, on top of what the font says. */
    adjust(by: number): void {
      gap += by
    },
    rise(height: number): void {
      if (Math.abs(height - risen) < 0.005) return
      flush()
      risen = height
      out += `${number(height)} Ts\n`
    },
    /** Says what the glyphs until `endSpan` mean, where they do not say it themselves. */
    beginSpan(text: string): void {
      flush()
      out += `/Span<</ActualText<feff${utf16Hex(text)}>>>BDC\n`
    },
    endSpan(): void {
      flush()
      out += 'EMC\n'
    },
    /** The pen has moved so far, as the fonts and adjustments make it. */
    advance(width: number): void {
      penX += width
    },
    /** The next piece says where it begins. */
    breakRun(): void {
      flush()
      penX = Number.NaN
    },
    done(): string {
      flush()
      return out === '' ? '' : `BT\n${out}ET`
    },
  }
}

import * as harfbuzz from 'harfbuzzjs'
import type { Font } from '../fonts/library.ts'

/** A piece of text in one font and direction, as glyphs from left to right. Lengths in thousandths of the font size. */
export interface Shaped {
  text: string
  glyphs: number[]
  /** How far the pen moves after each glyph, and where the glyph is drawn beside it. */
  advances: number[]
  dx: number[]
  dy: number[]
  /** Of the text that each glyph stands for: where it begins. Glyphs of one cluster share it. */
  clusters: number[]
  width: number
  /** What it takes to draw it, kept here by whoever draws it: a piece is found again more quickly than anything by it. */
  inked: unknown
}

/** Words come again and again; what is shaped is kept up to this many pieces of up to `maxKeptLength`. */
const maxKept = 6_000
const maxKeptLength = 40

export type Shaper = ReturnType<typeof shaper>

export function shaper() {
  const buffer = new harfbuzz.Buffer()
  const { LTR, RTL } = harfbuzz.Direction
  // `fi` as one glyph gains nothing at this size, and loses where a search or a selection may stop.
  const features = [new harfbuzz.Feature('liga', 0)]
  let kept = 0
  let byFont: { words: Map<string, Shaped>; characters: Map<number, Shaped> }[] = []

  /** A part of a text; its neighbours do not matter. */
  function shape(text: string, start: number, end: number, font: Font, rtl: boolean): Shaped {
    if (kept >= maxKept) {
      kept = 0
      byFont = []
    }
    byFont[font.index] ??= { words: new Map(), characters: new Map() }
    const { words, characters } = byFont[font.index]!
    if (end - start === 1) {
      const code = text.charCodeAt(start)
      let known = characters.get(code)
      if (!known) {
        known = run(text[start]!, font, rtl)
        characters.set(code, known)
        kept++
      }
      return known
    }
    const part = text.slice(start, end)
    if (end - start > maxKeptLength) return run(part, font, rtl)
    const key = rtl ? `\u200f${part}` : part
    let known = words.get(key)
    if (!known) {
      known = run(part, font, rtl)
      words.set(key, known)
      kept++
    }
    return known
  }

  function run(text: string, font: Font, rtl: boolean): Shaped {
    buffer.clearContents()
    buffer.addText(text)
    buffer.guessSegmentProperties()
    buffer.setDirection(rtl ? RTL : LTR)
    harfbuzz.shape(font.shaper, buffer, features)
    const scale = 1000 / font.unitsPerEm
    const shaped: Shaped = { text, glyphs: [], advances: [], dx: [], dy: [], clusters: [], width: 0, inked: undefined }
    const infos = buffer.getGlyphInfos()
    const positions = buffer.getGlyphPositions()
    for (let at = 0; at < infos.length; at++) {
      const { codepoint, cluster } = infos[at]!
      const { xAdvance, xOffset, yOffset } = positions[at]!
      shaped.glyphs.push(codepoint)
      shaped.clusters.push(cluster)
      shaped.advances.push(xAdvance * scale)
      shaped.dx.push(xOffset * scale)
      shaped.dy.push(yOffset * scale)
      shaped.width += xAdvance * scale
    }
    return shaped
  }

  return { shape }
}

import type { Font, FontLibrary } from '../fonts/library.ts'
import { missingWidth } from '../text/paragraph.ts'
import { colorGlyphs } from './color-glyph.ts'
import { drawingResources } from './drawing-resources.ts'
import type { PdfFile } from './file.ts'
import { glyphPath } from './glyph-path.ts'
import { toUnicode } from './to-unicode.ts'
import { hex2, number, reference } from './values.ts'

/** A glyph that is a drawing: the font to choose, and its code in it as two hexadecimal digits. */
export interface DrawnGlyph {
  fontName: string
  fontId: number
  code: string
}

interface Drawing {
  text: string
  width: number
  draw(): string
}

interface DrawnFont {
  name: string
  id: number
  unitsPerEm: number
  drawings: Drawing[]
}

const codes = 256

export type DrawnGlyphs = ReturnType<typeof drawnGlyphs>

/**
 * Fonts whose glyphs are drawings (Type 3): emoji in their colours, and boxes with the number of a character that no font
 * has. A font rather than pictures, so that they can be found, copied and read aloud like other text.
 */
export function drawnGlyphs(file: PdfFile, library: FontLibrary) {
  const fonts: DrawnFont[] = []
  const known = new Map<string, DrawnGlyph>()
  const resources = drawingResources(file)

  function glyph(key: string, unitsPerEm: number, drawing: () => Drawing): DrawnGlyph {
    let found = known.get(key)
    if (!found) {
      let font = fonts.findLast((one) => one.unitsPerEm === unitsPerEm)
      if (!font || font.drawings.length === codes) {
        font = { name: `T${fonts.length}`, id: file.reserve(), unitsPerEm, drawings: [] }
        fonts.push(font)
      }
      found = { fontName: font.name, fontId: font.id, code: hex2(font.drawings.length) }
      font.drawings.push(drawing())
      known.set(key, found)
    }
    return found
  }

  let painter: ReturnType<typeof colorGlyphs> | undefined
  /** `id`: of the glyph in the emoji font. */
  function emoji(font: Font, id: number, text: string): DrawnGlyph {
    painter ??= colorGlyphs(font, resources)
    return glyph(`${id} ${text}`, font.unitsPerEm, () => ({
      text,
      width: font.shaper.glyphHAdvance(id),
      draw: () => painter!.paint(id),
    }))
  }

  function missing(character: string): DrawnGlyph {
    return glyph(character, 1000, () => ({
      text: character,
      width: missingWidth,
      draw: () => numberedBox(character, library),
    }))
  }

  /** Writes all that were used. Yields between them. */
  function* embed(): Generator<void> {
    for (const font of fonts) {
      const procedures: number[] = []
      for (const { width, draw } of font.drawings) {
        procedures.push(file.addStream('', `${number(width)} 0 d0\n${draw()}`))
        yield
      }
      writeFont(font, procedures)
    }
    resources.write()
  }

  function writeFont({ id, unitsPerEm, drawings }: DrawnFont, procedures: number[]): void {
    const names = drawings.map((_, code) => `/g${code}`)
    const told = drawings.flatMap(({ text }, code) => (text === '' ? [] : [[code, text] as [number, string]]))
    const texts = file.addStream('', toUnicode(told, 2))
    const matrix = `[${1 / unitsPerEm} 0 0 ${1 / unitsPerEm} 0 0]`
    file.write(
      id,
      `<</Type/Font/Subtype/Type3/FontBBox[0 0 0 0]/FontMatrix${matrix}/Resources ${reference(resources.id)}` +
        `/CharProcs<<${names.map((name, code) => `${name} ${reference(procedures[code]!)}`).join('')}>>` +
        `/Encoding<</Type/Encoding/Differences[0${names.join('')}]>>/FirstChar 0/LastChar ${drawings.length - 1}` +
        `/Widths[${drawings.map(({ width }) => number(width)).join(' ')}]/ToUnicode ${reference(texts)}>>`,
    )
  }

  return { emoji, missing, embed }
}

/** A box with the number of a character in it, four digits in two rows or six: what it is can be looked up. */
function numberedBox(character: string, library: FontLibrary): string {
  const digits = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  const padded = digits.length > 4 ? digits.padStart(6, '0') : digits
  const columns = padded.length / 2
  const fonts = library.chooser({ bold: false, italic: false, monospaced: true, han: 'simplified' })
  const cell = (missingWidth - 180) / columns
  const scale = (columns === 2 ? 0.4 : 0.3) * 1000
  const paths = [...padded].map((digit, at) => {
    const font = fonts.of(digit.codePointAt(0)!)!
    const id = font.shaper.nominalGlyph(digit.codePointAt(0)!)!
    const perUnit = scale / font.unitsPerEm
    const x = 90 + cell * (at % columns) + (cell - font.shaper.glyphHAdvance(id) * perUnit) / 2
    return glyphPath(font.shaper, id, perUnit, x, at < columns ? 360 : 20)
  })
  return `40 w 60 -80 ${missingWidth - 120} 800 re S\n${paths.join('')}f`
}

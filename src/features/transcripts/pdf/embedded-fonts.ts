import { basename } from 'node:path'
import type { Font, FontLibrary } from '../fonts/library.ts'
import { subsetter } from '../fonts/subset.ts'
import { release } from '../fonts/woff2.ts'
import type { Shaped } from '../text/shape.ts'
import type { PdfFile } from './file.ts'
import { toUnicode } from './to-unicode.ts'
import { hex4, number, reference } from './values.ts'

/** A font as a document uses it. */
export interface EmbeddedFont {
  /** In content streams. */
  name: string
  id: number
  /** Each glyph that was drawn, and the text it stands for. */
  texts: Map<number, string>
  widthOf(glyph: number): number
}

export interface Inked {
  /** Clusters whose text a reader cannot tell from their glyphs, and must be told beside them. */
  untold: ReadonlyMap<number, string>
  /** All glyphs as elements of a TJ array, when none is raised or must be told of. */
  shown?: string
  /** How much farther the pen is to move after them than it does, in thousandths of the size. */
  gap?: number
}

export type EmbeddedFonts = ReturnType<typeof embeddedFonts>

/** The fonts of one document: referred to while pages are written, embedded with what was used of them at its end. */
export function embeddedFonts(file: PdfFile, library: FontLibrary) {
  const used = new Map<Font, EmbeddedFont>()

  function use(font: Font): EmbeddedFont {
    let embedded = used.get(font)
    if (!embedded) {
      const widths = new Map<number, number>()
      const scale = 1000 / font.unitsPerEm
      embedded = {
        name: `F${font.index}`,
        id: file.reserve(),
        texts: new Map(),
        widthOf(glyph) {
          let width = widths.get(glyph)
          if (width === undefined) {
            width = Math.round(font.shaper.glyphHAdvance(glyph) * scale * 100) / 100
            widths.set(glyph, width)
          }
          return width
        },
      }
      used.set(font, embedded)
    }
    return embedded
  }

  /** Counts the glyphs of a piece as drawn, and gives what it takes to draw it. The same for the same piece, each time. */
  function draw(shaped: Shaped, embedded: EmbeddedFont, font: Font): Inked {
    if (shaped.inked === undefined) {
      const untold = register(shaped, embedded.texts, font)
      shaped.inked = { untold, ...(untold.size === 0 && shownAtOnce(shaped, embedded, font)) }
    }
    return shaped.inked as Inked
  }

  /** Writes all fonts that were used. Yields between them: this takes milliseconds each. */
  function* embed(): Generator<void> {
    const cutter = subsetter()
    for (const [font, embedded] of used) {
      embedOne(font, embedded, cutter.subset)
      yield
    }
  }

  function embedOne(font: Font, embedded: EmbeddedFont, subset: ReturnType<typeof subsetter>['subset']): void {
    const whole = library.bytesOf(font.file)
    const data = subset(whole, embedded.texts.keys(), font.file.variable ? font.weight : undefined)
    release(whole)
    const fontFile = file.addStream(`/Length1 ${data.length}`, data)
    const name = `/${subsetTag(font.index)}+${basename(font.file.path, '.woff2').replace(/[^\w-]/g, '')}-${font.weight}`
    const { ascender, descender } = font.shaper.hExtents()
    const scale = 1000 / font.unitsPerEm
    const [ascent, descent] = [number(ascender * scale), number(descender * scale)]
    const descriptor = file.add(
      `<</Type/FontDescriptor/FontName${name}/Flags 4/FontBBox[-1000 ${descent} 2000 ${ascent}]/ItalicAngle ${font.file.italic ? -12 : 0}` +
        `/Ascent ${ascent}/Descent ${descent}/CapHeight 700/StemV ${font.weight === 700 ? 140 : 80}/FontFile2 ${reference(fontFile)}>>`,
    )
    const glyphs = [...embedded.texts.keys()].sort((a, b) => a - b)
    const widths = glyphs.map((glyph) => `${glyph}[${number(embedded.widthOf(glyph))}]`).join('')
    const descendant = file.add(
      `<</Type/Font/Subtype/CIDFontType2/BaseFont${name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>` +
        `/FontDescriptor ${reference(descriptor)}/DW 1000/W[${widths}]/CIDToGIDMap/Identity>>`,
    )
    const texts = file.addStream(
      '',
      toUnicode(
        [...embedded.texts].filter(([, text]) => text !== ''),
        4,
      ),
    )
    file.write(
      embedded.id,
      `<</Type/Font/Subtype/Type0/BaseFont${name}/Encoding/Identity-H/DescendantFonts[${reference(descendant)}]/ToUnicode ${reference(texts)}>>`,
    )
  }

  return { use, draw, embed }
}

/** Most pieces are drawn again and again: what they take is put together once. */
function shownAtOnce(shaped: Shaped, embedded: EmbeddedFont, font: Font): { shown: string; gap: number } {
  const { glyphs, advances, dx } = shaped
  let shown = ''
  let hex = ''
  let gap = 0
  for (let at = 0; at < glyphs.length; at++) {
    gap += dx[at]!
    // Less cannot be seen, unless it adds up.
    if (Math.abs(gap) >= 0.5) {
      shown += `${hex === '' ? '' : `<${hex}>`}${number(-gap)}`
      hex = ''
      gap = 0
    }
    hex += hex4(glyphs[at]!)
    gap += advances[at]! - dx[at]! - embedded.widthOf(glyphs[at]!)
    for (const silent of silentLetters(shaped, at, embedded.texts, font) ?? []) {
      hex += hex4(silent)
      gap -= embedded.widthOf(silent)
    }
  }
  return { shown: `${shown}<${hex}>`, gap }
}

const nothing: ReadonlyMap<number, string> = new Map()

/** Gives each glyph the text it stands for, as far as one glyph stands for the same text everywhere. */
function register(shaped: Shaped, texts: Map<number, string>, font: Font): ReadonlyMap<number, string> {
  const { glyphs, clusters, dy } = shaped
  let untold: Map<number, string> | undefined
  for (let at = 0; at < glyphs.length; at++) {
    const glyph = glyphs[at]!
    const own = clusterText(shaped, at)
    const shared = clusters[at - 1] === clusters[at] || clusters[at + 1] === clusters[at]
    const silent = silentLetters(shaped, at, texts, font)
    const text = silent ? own.at(-1)! : own
    // What is raised looks to readers like another line.
    let told = !shared && dy[at] === 0
    if (!texts.has(glyph)) texts.set(glyph, shared ? characterOf(glyph, own, font) : text)
    else if (texts.get(glyph) !== text) told = false
    if (!told) {
      untold ??= new Map()
      untold.set(clusters[at]!, own)
    }
  }
  return untold ?? nothing
}

/** The text of the cluster that a glyph is of. */
function clusterText({ text, clusters }: Shaped, at: number): string {
  const start = clusters[at]!
  let end = text.length
  for (const other of clusters) if (other > start && other < end) end = other
  return text.slice(start, end)
}

/**
 * Glyphs without ink that say, after a ligature that is read from right to left, what it does not say itself. Readers turn
 * glyphs around, but not the letters of one: `لا` as one glyph of two letters would be read as `ال`.
 */
function silentLetters(shaped: Shaped, at: number, texts: Map<number, string>, font: Font): number[] | undefined {
  const { glyphs, clusters } = shaped
  const rtl = glyphs.length === 1 ? isRtlLetter(shaped.text) : clusters[0]! > clusters.at(-1)!
  if (!rtl || clusters[at - 1] === clusters[at] || clusters[at + 1] === clusters[at]) return undefined
  const letters = [...clusterText(shaped, at)].reverse().slice(1)
  const silent = letters.map((letter) => silentGlyph(letter, texts, font))
  return silent.length > 0 && silent.every((glyph) => glyph !== undefined) ? silent : undefined
}

/** Characters that are never drawn; their glyphs are free to stand for others. */
const neverDrawn = [0x200d, 0x200c, 0x200f, 0x200e]

function silentGlyph(letter: string, texts: Map<number, string>, font: Font): number | undefined {
  for (const codePoint of neverDrawn) {
    const glyph = font.shaper.nominalGlyph(codePoint)
    if (glyph === undefined || font.shaper.glyphToPath(glyph) !== '') continue
    const text = texts.get(glyph)
    if (text === undefined) texts.set(glyph, letter)
    if (text === undefined || text === letter) return glyph
  }
  return undefined
}

function isRtlLetter(text: string): boolean {
  return /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(text)
}

/** Of a cluster of several glyphs, the character that one of them is on its own: not all, but better than nothing. */
function characterOf(glyph: number, cluster: string, font: Font): string {
  for (const character of cluster) if (font.shaper.nominalGlyph(character.codePointAt(0)!) === glyph) return character
  return ''
}

/** Six letters that tell apart the subsets of one font, as the format wants them. */
function subsetTag(index: number): string {
  let tag = ''
  for (let rest = index, place = 0; place < 6; place++) {
    tag = String.fromCharCode(65 + (rest % 26)) + tag
    rest = Math.floor(rest / 26)
  }
  return tag
}

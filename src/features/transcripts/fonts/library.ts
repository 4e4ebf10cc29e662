import { readFileSync } from 'node:fs'
import * as harfbuzz from 'harfbuzzjs'
import { emojiFamily, type Family, type FontFile, familiesFor, type HanForms, type Weight } from './catalog.ts'
import { decodeWoff2, release, sfnt } from './woff2.ts'

/** A font file in one weight: what text is shaped with, and what is embedded. */
export interface Font {
  /** Unique in its library, from 0. */
  index: number
  file: FontFile
  weight: Weight
  unitsPerEm: number
  shaper: harfbuzz.Font
  /** As it is told in the file's `cmap`. */
  has(codePoint: number): boolean
}

export interface Look {
  bold: boolean
  italic: boolean
  monospaced: boolean
  han: HanForms
}

/** Tables that neither shaping nor embedding needs; `SVG ` alone is 20 MB of the emoji. */
const unused = new Set(['SVG ', 'name', 'post', 'OS/2', 'gasp', 'DSIG', 'STAT', 'MVAR', 'vhea', 'vmtx', 'VVAR', 'meta'])
/** Tables that a viewer reads of a font, and those from which its weights are made. */
const embedded = [
  'head',
  'hhea',
  'maxp',
  'hmtx',
  'loca',
  'glyf',
  'fvar',
  'avar',
  'gvar',
  'HVAR',
  'cvt ',
  'cvar',
  'fpgm',
  'prep',
]
const trueType = 0x00010000
/** What is remembered of which character is in which font; more would be somebody's list of all there are. */
const maxRemembered = 30_000

export interface FontChooser {
  /** The font that draws a character; undefined when there is none. */
  of(codePoint: number): Font | undefined
  /** The font that draws a mark on a letter: one that has both, so that it knows where the mark belongs. */
  ofBoth(mark: number, letter: number): Font | undefined
}

export type FontLibrary = ReturnType<typeof fontLibrary>

/** Fonts of the catalog, each loaded when a character asks for it. For one document: nothing is ever given back. */
export function fontLibrary() {
  const faces = new Map<FontFile, { face: harfbuzz.Face; codePoints: Set<number> }>()
  let count = 0
  const byFile = new Map<FontFile, Map<Weight, Font>>()
  const choosers = Array.from({ length: 8 }, () => new Map<HanForms, FontChooser>())

  function load(file: FontFile) {
    let loaded = faces.get(file)
    if (!loaded) {
      const bytes = decodeWoff2(readFileSync(file.path), unused)
      const face = new harfbuzz.Face(new harfbuzz.Blob(bytes))
      // HarfBuzz has its own copy.
      release(bytes)
      loaded = { face, codePoints: new Set(face.collectUnicodes()) }
      faces.set(file, loaded)
    }
    return loaded
  }

  function fontOf(file: FontFile, weight: Weight): Font {
    const weights = byFile.get(file) ?? new Map<Weight, Font>()
    byFile.set(file, weights)
    // A file without an axis is one font, whatever weight is asked of it.
    const real = file.variable ? weight : 400
    let font = weights.get(real)
    if (!font) {
      const { face, codePoints } = load(file)
      const shaper = new harfbuzz.Font(face)
      if (file.variable) shaper.setVariations([new harfbuzz.Variation('wght', real)])
      const { upem } = face
      font = { index: count++, file, weight: real, unitsPerEm: upem, shaper, has: (one) => codePoints.has(one) }
      weights.set(real, font)
    }
    return font
  }

  function search(families: Family[], { bold, italic }: Look, codePoint: number, also = codePoint): Font | undefined {
    const weight: Weight = bold ? 700 : 400
    for (const family of families)
      for (const file of family.filesFor(codePoint, weight, italic)) {
        const { codePoints } = load(file)
        if (codePoints.has(codePoint) && codePoints.has(also)) return fontOf(file, weight)
      }
    return undefined
  }

  /** Chooses fonts for texts of one look. */
  function chooser(look: Look): FontChooser {
    // Asked for every stretch of text: no strings are put together for it.
    const forms = choosers[(look.bold ? 1 : 0) + (look.italic ? 2 : 0) + (look.monospaced ? 4 : 0)]!
    let made = forms.get(look.han)
    if (!made) {
      const families = familiesFor(look.monospaced, look.han)
      made = {
        of: remembered((codePoint) => search(families, look, codePoint)),
        ofBoth: (mark, letter) => both(mark * 0x110000 + letter),
      }
      const both = remembered((pair) => search(families, look, Math.floor(pair / 0x110000), pair % 0x110000))
      forms.set(look.han, made)
    }
    return made
  }

  /** The font of coloured emoji. */
  function emoji(): Font {
    return fontOf(emojiFamily.filesFor(0, 400, false)[0]!, 400)
  }

  /** A font file with what it takes to embed a part of it; the caller may release it. */
  function bytesOf(file: FontFile): Buffer {
    const { face } = load(file)
    const tables = embedded.flatMap((tag) => {
      const table = face.referenceTable(tag)
      return table ? [[tag, table] as const] : []
    })
    return sfnt(trueType, new Map(tables))
  }

  return { chooser, emoji, bytesOf }
}

function remembered(find: (key: number) => Font | undefined): (key: number) => Font | undefined {
  const known = new Map<number, Font | null>()
  return (key) => {
    let font = known.get(key)
    if (font === undefined) {
      font = find(key) ?? null
      if (known.size >= maxRemembered) known.clear()
      known.set(key, font)
    }
    return font ?? undefined
  }
}

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Which forms of Han characters a text wants; the same code point is drawn differently in each. */
export type HanForms = 'korean' | 'japanese' | 'simplified' | 'traditional'

export type Weight = 400 | 700

/** One font file, which holds a part of a family's characters in one posture. */
export interface FontFile {
  path: string
  /** Weights come from its axis; otherwise it has the one it has. */
  variable: boolean
  italic: boolean
  /** Its glyphs are painted in colours of their own. */
  colored: boolean
}

export interface Family {
  /** Files in which a character may be; whether it is, only the file itself says. */
  filesFor(codePoint: number, weight: Weight, italic: boolean): FontFile[]
}

interface Declared {
  name: string
  /** Packages of Fontsource: those with a weight axis, and those with a file for each weight. */
  variable: boolean
  italic?: boolean
  bold?: boolean
  /** All in one file of this name, whatever the package says of its characters. */
  whole?: string
  colored?: boolean
}

const require = createRequire(import.meta.url)

const variable = (name: string, more: Partial<Declared> = {}): Family => family({ name, variable: true, ...more })
const fixed = (name: string, more: Partial<Declared> = {}): Family => family({ name, variable: false, ...more })

const text = variable('noto-sans', { italic: true })
const code = variable('cascadia-mono', { italic: true })
const han: Record<HanForms, Family> = {
  korean: variable('noto-sans-kr'),
  japanese: variable('noto-sans-jp'),
  simplified: variable('noto-sans-sc'),
  traditional: variable('noto-sans-tc'),
}
const otherScripts =
  'arabic hebrew thai bengali tamil telugu kannada malayalam gujarati gurmukhi oriya sinhala khmer myanmar lao ethiopic'
// Its letters are whole. Noto's are put together from strokes and dots, which no reader can tell apart again; it comes next,
// for the characters that only it has.
const arabic = variable('vazirmatn')
const scripts = otherScripts.split(' ').map((script) => variable(`noto-sans-${script}`))
const symbols = [
  variable('noto-sans-symbols'),
  fixed('noto-sans-symbols-2'),
  fixed('noto-sans-math', { whole: 'latin' }),
  // Last, for the many that no other has: superscripts, combining marks, Armenian, Georgian, ….
  fixed('dejavu-sans', { whole: 'latin', italic: true, bold: true }),
]

export const emojiFamily = fixed('noto-color-emoji', { whole: 'emoji', colored: true })

/** Families in the order in which a character is looked for. */
export function familiesFor(monospaced: boolean, forms: HanForms): Family[] {
  const others = (Object.keys(han) as HanForms[]).filter((other) => other !== forms)
  const hanFamilies = [forms, ...others].map((one) => han[one])
  // Arrows, boxes and mathematics of a Han font are as wide as its characters; in prose that looks wrong.
  return [
    ...(monospaced ? [code] : []),
    text,
    arabic,
    ...scripts,
    ...symbols.slice(0, 3),
    ...hanFamilies,
    ...symbols.slice(3),
  ]
}

function family(declared: Declared): Family {
  const { name, whole, italic: hasItalic, bold: hasBold } = declared
  const fileNames = new Map<string, FontFile>()
  let ranges: { from: number; to: number; part: string }[] | undefined
  const scope = declared.variable ? '@fontsource-variable' : '@fontsource'
  // The package's own list of characters is found by Node's rules; its fonts lie beside it.
  const list = () => require.resolve(`${scope}/${name}/unicode.json`)

  function file(part: string, weight: Weight, italic: boolean): FontFile {
    const posture = italic && hasItalic ? 'italic' : 'normal'
    const thickness = declared.variable ? 'wght' : weight === 700 && hasBold ? '700' : '400'
    const fileName = `${name}-${part}-${thickness}-${posture}.woff2`
    let known = fileNames.get(fileName)
    if (!known) {
      const path = join(list(), '..', 'files', fileName)
      known = { path, variable: declared.variable, italic: posture === 'italic', colored: declared.colored === true }
      fileNames.set(fileName, known)
    }
    return known
  }

  return {
    filesFor(codePoint, weight, italic) {
      if (whole !== undefined) return [file(whole, weight, italic)]
      ranges ??= readRanges(list())
      return ranges
        .filter(({ from, to }) => from <= codePoint && codePoint <= to)
        .map(({ part }) => file(part, weight, italic))
    },
  }
}

/** `{"latin": "U+0000-00FF,U+0131", "[7]": …}` → ranges with the part of the family they are in. */
function readRanges(path: string): { from: number; to: number; part: string }[] {
  const parts = Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)
  return parts.flatMap(([part, list]) =>
    list.split(',').map((range) => {
      const [from, to] = range.replace('U+', '').split('-')
      return {
        from: Number.parseInt(from!, 16),
        to: Number.parseInt(to ?? from!, 16),
        part: part.replace(/^\[(\d+)\]$/, '$1'),
      }
    }),
  )
}

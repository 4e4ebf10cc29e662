import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as harfbuzz from 'harfbuzzjs'
import { expect, it } from 'vitest'
import decompress from 'woff2-encoder/decompress'
import { decodeWoff2 } from './woff2.ts'

const require = createRequire(import.meta.url)
const packages = [
  '@fontsource-variable/noto-sans',
  '@fontsource-variable/cascadia-mono',
  '@fontsource-variable/noto-sans-kr',
  '@fontsource-variable/noto-sans-tc',
  '@fontsource-variable/vazirmatn',
  '@fontsource-variable/noto-sans-thai',
  '@fontsource-variable/noto-sans-symbols',
  '@fontsource/dejavu-sans',
]

/** A few files of each package: the first, the middle and the last. */
const files = packages.flatMap((name) => {
  const folder = join(dirname(require.resolve(`${name}/unicode.json`)), 'files')
  const all = globSync('*{wght,400}-*.woff2', { cwd: folder }).sort()
  return [...new Set([all[0]!, all[all.length >> 1]!, all.at(-1)!])].map((file) => join(folder, file))
})

it.each(files)('reads %s as Google’s own decoder does', async (path) => {
  const data = readFileSync(path)
  const [ours, theirs] = [decodeWoff2(data), await decompress(data)].map((font) => {
    const face = new harfbuzz.Face(new harfbuzz.Blob(font))
    return { face, shaper: new harfbuzz.Font(face) }
  })
  expect([...ours!.face.collectUnicodes()]).toEqual([...theirs!.face.collectUnicodes()])
  const count = Buffer.from(theirs!.face.referenceTable('maxp')!).readUInt16BE(4)
  for (let glyph = 0; glyph < count; glyph++) {
    expect(ours!.shaper.glyphToPath(glyph)).toBe(theirs!.shaper.glyphToPath(glyph))
    expect(ours!.shaper.glyphHAdvance(glyph)).toBe(theirs!.shaper.glyphHAdvance(glyph))
    expect(ours!.shaper.glyphExtents(glyph)).toEqual(theirs!.shaper.glyphExtents(glyph))
  }
  for (const table of ['GSUB', 'GPOS', 'gvar', 'fvar', 'hmtx'])
    expect(ours!.face.referenceTable(table)).toEqual(theirs!.face.referenceTable(table))
})

it('leaves out the tables that nobody needs, and refuses what is no WOFF2', () => {
  const data = readFileSync(files[0]!)
  expect(decodeWoff2(data, new Set(['GPOS'])).length).toBeLessThan(decodeWoff2(data).length)
  expect(() => decodeWoff2(Buffer.from('wOFF'))).toThrow('Not a WOFF2 file')
})

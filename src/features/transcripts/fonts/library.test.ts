import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HanForms } from './catalog.ts'
import { fontLibrary } from './library.ts'
import { subsetter } from './subset.ts'

const library = fontLibrary()
const plain = { bold: false, italic: false, monospaced: false, han: 'simplified' as HanForms }
const fontOf = (character: string, look: Partial<typeof plain> = {}) =>
  library.chooser({ ...plain, ...look }).of(character.codePointAt(0)!)
const nameOf = (...args: Parameters<typeof fontOf>) => {
  const font = fontOf(...args)
  return font && basename(font.file.path, '.woff2')
}

describe('fonts', () => {
  it('are chosen by character and look', () => {
    expect(nameOf('a')).toBe('noto-sans-latin-wght-normal')
    expect(nameOf('a', { italic: true })).toBe('noto-sans-latin-wght-italic')
    expect(nameOf('a', { monospaced: true })).toBe('cascadia-mono-latin-wght-normal')
    expect(nameOf('─', { monospaced: true })).toMatch(/^cascadia-mono/)
    expect(nameOf('ж')).toMatch(/^noto-sans-cyrillic/)
    expect(nameOf('न')).toMatch(/^noto-sans-devanagari/)
    expect(nameOf('م')).toMatch(/^vazirmatn/)
    expect(nameOf('한')).toMatch(/^noto-sans-kr/)
    expect(nameOf('₂')).toMatch(/^dejavu-sans/)
    expect(fontOf('a', { bold: true })!.weight).toBe(700)
    expect(fontOf('\u{13000}')).toBeUndefined()
    expect(fontOf('\u{10ffff}')).toBeUndefined()
  })

  it('draw Han characters in the forms that are wanted, and what these lack in others', () => {
    const wanted: [HanForms, string][] = [
      ['korean', 'kr'],
      ['japanese', 'jp'],
      ['simplified', 'sc'],
      ['traditional', 'tc'],
    ]
    for (const [han, suffix] of wanted) expect(nameOf('骨', { han })).toMatch(new RegExp(`^noto-sans-${suffix}`))
    expect(nameOf('们', { han: 'korean' })).toMatch(/^noto-sans-(jp|sc|tc)/)
  })

  it('are one and the same for the same file and weight', () => {
    expect(fontOf('b')).toBe(fontOf('a'))
    expect(fontOf('a', { bold: true })).not.toBe(fontOf('a'))
    expect(fontOf('₂', { bold: true })!.file.path).toContain('700')
  })

  it('are cut down to the glyphs that are used, under their old numbers, in the weight that is used', () => {
    const { subset } = subsetter()
    const font = fontOf('a', { bold: true })!
    const whole = library.bytesOf(font.file)
    const glyph = font.shaper.nominalGlyph(0x61)!
    const bold = subset(whole, [glyph], 700)
    expect(bold.length).toBeLessThan(whole.length / 20)
    expect(subset(whole, [glyph], 400).equals(bold)).toBe(false)
    expect(() => subset(Buffer.from('no font'), [1])).toThrow()
  })
})

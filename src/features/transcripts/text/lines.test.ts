import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fontLibrary } from '../fonts/library.ts'
import { bodyStyle } from '../layout/theme.ts'
import { cleanText } from './clean.ts'
import { fillLines, type Line, widthOf } from './lines.ts'
import { paragraph } from './paragraph.ts'
import { shaper } from './shape.ts'
import { splitLines, styled } from './styled-text.ts'

const typesetter = { library: fontLibrary(), shaper: shaper() }
const size = 10
const set = (text: string) => paragraph(styled(text, bodyStyle), 'simplified', typesetter)
const fill = (text: string, width: number) => fillLines(set(text), size, width, typesetter)
const read = (line: Line) => line.pieces.map(({ shaped }) => shaped.text).join('')
/** As an eye goes over it, a piece at a time. */
const seen = ({ pieces, xs }: Line) =>
  pieces
    .map(({ shaped }, at) => ({ text: shaped.text, x: xs[at]! }))
    .sort((a, b) => a.x - b.x)
    .map(({ text }) => text)
    .join('')

describe('lines', () => {
  it('end between words, and are no wider than they may be', () => {
    const lines = fill('The quick brown fox jumps over the lazy dog and runs away', 100)
    expect(lines.map(read).join(' ')).toBe('The quick brown fox jumps over the lazy dog and runs away')
    expect(lines.length).toBeGreaterThan(2)
    for (const { width } of lines) expect(width).toBeLessThanOrEqual(100.1)
  })

  it('cut what is longer than a line between graphemes', () => {
    const word = 'e\u0301👍🏽'.normalize('NFD').repeat(50)
    const lines = fill(word, 60)
    expect(lines.map(read).join('')).toBe(word)
    for (const line of lines) expect(read(line)).not.toMatch(/^[\u0301🏽]/u)
  })

  it('take at least one grapheme, in no room at all', () => {
    expect(fill('abc', 0).map(read)).toEqual(['a', 'b', 'c'])
    expect(fill('👨‍👩‍👧‍👦', 0).map(read)).toEqual(['👨‍👩‍👧‍👦'])
    expect(fill('', 50)).toHaveLength(1)
  })

  it('are read from right to left where the text is', () => {
    const [line] = fill('abc שלום עולם 12 xyz', 500)
    expect(seen(line!)).toBe('abc 12 עולם שלום xyz')
    expect(read(line!)).toBe('abc שלום עולם 12 xyz')
    const hebrew = set('שלום abc 12!')
    expect(hebrew.rtl).toBe(true)
    expect(seen(fillLines(hebrew, size, 500, typesetter)[0]!)).toBe('!abc 12 שלום')
  })

  it('shape letters as their script wants: joined, reordered, stacked', () => {
    const glyphs = (text: string) => set(text).pieces.flatMap(({ shaped }) => shaped.glyphs)
    // Three letters of one kind, each in another form; a conjunct; a vowel sign that is drawn before its letter.
    expect(new Set(glyphs('ببب')).size).toBe(3)
    expect(glyphs('क्ष')).toHaveLength(1)
    expect(glyphs('कि')[0]).not.toBe(glyphs('क')[0])
    expect(glyphs('👨‍👩‍👧‍👦')).toHaveLength(1)
  })

  it('keep the letter and its mark in one font, if one has both', () => {
    const [piece] = set('x\u0331y').pieces
    expect(piece!.font!.has(0x331)).toBe(true)
  })

  it('lose nothing of any text, and show no empty box for what a font has', () => {
    // Characters of all planes, weighted toward those that are in use, and everything that joins, marks and steers.
    const special = fc.constantFrom(
      '\u200d',
      '\u200c',
      '\ufe0f',
      '\ufe0e',
      '\u0301',
      '\u0e31',
      '\u094d',
      '🏽',
      '🇰',
      '\u202e',
      '\u2067',
      ' ',
      '\u00ad',
      '(',
      '\u3000',
    )
    const unit = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      special,
      fc.constantFrom(...'aZ1.가漢カ中नमश्बمرحاשไท😀❤☎'),
    )
    const text = fc.array(unit, { maxLength: 40 }).map((units) => cleanText(units.join('')))
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 200 }), (whole, width) => {
        for (const one of splitLines(styled(whole, bodyStyle))) {
          const { pieces } = paragraph(one, 'japanese', typesetter)
          for (const { shaped, font } of pieces) if (font) expect(shaped.glyphs).not.toContain(0)
          const shown = pieces.map(({ shaped }) => shaped.text).join('')
          expect(shown.replace(/\p{DI}/gu, '')).toBe(one.text.replace(/\p{DI}/gu, ''))
          const lines = fillLines({ pieces, rtl: false }, size, width, typesetter)
          const inLines = lines
            .map(read)
            .join('')
            .replace(/[\s\p{DI}]/gu, '')
          expect(inLines).toBe(one.text.replace(/[\s\p{DI}]/gu, ''))
          for (const line of lines)
            if (line.pieces.length > 1) {
              const last = line.pieces.reduce(
                (most, piece, at) => Math.max(most, line.xs[at]! + widthOf(piece, size)),
                0,
              )
              expect(last).toBeCloseTo(line.width, 5)
            }
        }
      }),
      { numRuns: 1000 },
    )
  })
})

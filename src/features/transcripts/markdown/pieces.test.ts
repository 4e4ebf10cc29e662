import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { markdownBlocks } from './blocks.ts'
import { markdownPieces, shortLines } from './pieces.ts'

const pieces = (source: string) => [...markdownPieces(source)]

describe('pieces of Markdown', () => {
  it('are one for what is short', () => {
    expect(pieces('a\n\nb')).toEqual(['a\n\nb'])
  })

  it('end between paragraphs, and are all of it', () => {
    const source = Array.from({ length: 2000 }, (_, at) => `Paragraph ${at} ${'word '.repeat(10)}`).join('\n\n')
    expect(pieces(source).length).toBeGreaterThan(3)
    for (const piece of pieces(source)) expect(piece.length).toBeLessThan(50_000)
    expect(pieces(source).join('\n')).toBe(source)
  })

  it('go on with their fence, and end with it', () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `line ${at} of code`)
    const blocks = pieces(`before\n\n~~~~ts\n${lines.join('\n')}\n~~~~\n\nafter`).flatMap(markdownBlocks)
    const code = blocks.flatMap((block) => (block.kind === 'code' ? [block.source] : []))
    expect(code.length).toBeGreaterThan(1)
    expect(code.join('\n')).toBe(lines.join('\n'))
    expect(blocks.at(-1)).toMatchObject({ kind: 'paragraph', text: { text: 'after' } })
  })

  it('go on with the head of their table', () => {
    const rows = Array.from({ length: 5000 }, (_, at) => `| row ${at} | ${at} |`)
    const blocks = pieces(`| name | sum |\n|---|--:|\n${rows.join('\n')}\n\nafter`).flatMap(markdownBlocks)
    const tables = blocks.filter((block) => block.kind === 'table')
    expect(tables.length).toBeGreaterThan(1)
    for (const table of tables) expect(table.head.map(({ text }) => text)).toEqual(['name', 'sum'])
    expect(tables.flatMap((table) => table.rows)).toHaveLength(5000)
  })

  it('cut lines that are too long, at a space or between characters, and lose nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 4, max: 30 }), (text, longest) => {
        const lines = [...shortLines(text, longest)]
        for (const line of lines) {
          expect(line.length).toBeLessThanOrEqual(longest)
          expect(line.isWellFormed()).toBe(text.isWellFormed())
        }
        expect(lines.join('').replace(/[ \n]/g, '')).toBe(text.replace(/[ \n]/g, ''))
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import type { StyledText } from '../text/styled-text.ts'
import { markdownBlocks } from './blocks.ts'

/** `text` with what is said of each stretch of it: `b` bold, `i` italic, `m` monospaced, `s` struck, and where it leads. */
function told({ text, spans }: StyledText): string {
  let start = 0
  return spans
    .map(({ end, style }) => {
      const part = text.slice(start, end)
      start = end
      const marks = [style.bold && 'b', style.italic && 'i', style.monospaced && 'm', style.struck && 's', style.link]
      const said = marks.filter(Boolean).join(' ')
      return said === '' ? part : `{${said}: ${part}}`
    })
    .join('')
}
const inline = (source: string) => {
  const [block] = markdownBlocks(source)
  if (block?.kind !== 'paragraph') throw new Error('no paragraph')
  return told(block.text)
}

describe('Markdown', () => {
  it.each([
    ['a **b** *c* ***d*** ~~e~~ `f`', 'a {b: b} {i: c} {b i: d} {s: e} {m: f}'],
    ['[a **b**](https://e.org)', '{https://e.org/: a }{b https://e.org/: b}'],
    ['see https://e.org/x.', 'see {https://e.org/x: https://e.org/x}.'],
    ['![alt](https://e.org/i.png) ![](x)', '{https://e.org/i.png: [alt]} [image]'],
    ['[x](javascript:alert(1)) [y](data:x)', '[x](javascript:alert(1)) [y](data:x)'],
    ['<b>x</b> &lt; &amp;', '<b>x</b> < &'],
    ['a\nb  \nc', 'a b\nc'],
    ['a<br>b<BR/>c', 'a\nb\nc'],
    ['e.org and a@b.org', 'e.org and a@b.org'],
    ['`f()` في', '{m: \u2066f()\u2069} في'],
  ])('%s says how its words look', (source, expected) => {
    expect(inline(source)).toBe(expected)
  })

  it('has headings, lists in lists, quotes, code, tables and rules', () => {
    const blocks = markdownBlocks(
      '## T\n\n3. a\n   - b\n\n> q\n\n```js\nx\n\ty\n```\n\n    z\n\n| h | i |\n|:-:|--:|\n| 1 | 2 | 3 |\n| 4 |\n\n***',
    )
    expect(blocks.map(({ kind }) => kind)).toEqual(['heading', 'list', 'quote', 'code', 'code', 'table', 'rule'])
    expect(blocks[0]).toMatchObject({ level: 2, text: { text: 'T' } })
    expect(blocks[1]).toMatchObject({ start: 3, items: [[{ kind: 'paragraph' }, { kind: 'list', start: undefined }]] })
    expect(blocks[2]).toMatchObject({ blocks: [{ text: { text: 'q' } }] })
    expect(blocks[3]).toMatchObject({ source: 'x\n\ty' })
    expect(blocks[4]).toMatchObject({ source: 'z' })
    const table = blocks[5]!
    if (table.kind !== 'table') throw new Error('no table')
    expect(table.aligns).toEqual(['center', 'right'])
    expect(table.rows.map((row) => row.map(({ text }) => text))).toEqual([
      ['1', '2'],
      ['4', ''],
    ])
  })

  it('has boxes for tasks', () => {
    expect(markdownBlocks('- [ ] a\n- [x] b\n- [y] c')).toMatchObject([
      { items: [[{ text: { text: '☐ a' } }], [{ text: { text: '☑ b' } }], [{ text: { text: '[y] c' } }]] },
    ])
  })
})

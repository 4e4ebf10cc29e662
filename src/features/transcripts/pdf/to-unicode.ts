import { utf16Hex } from './values.ts'

/** A CMap that says which text each code stands for. `digits`: hexadecimal digits of a code. */
export function toUnicode(texts: Iterable<[code: number, text: string]>, digits: 2 | 4): string {
  const hex = (code: number) => code.toString(16).padStart(digits, '0')
  const rows = [...texts].map(([code, text]) => `<${hex(code)}><${utf16Hex(text)}>`)
  const blocks: string[] = []
  // No more than a hundred a block, says the format.
  for (let at = 0; at < rows.length; at += 100) {
    const block = rows.slice(at, at + 100)
    blocks.push(`${block.length} beginbfchar\n${block.join('\n')}\nendbfchar`)
  }
  const range = `<${'0'.repeat(digits)}><${'f'.repeat(digits)}>`
  return [
    '/CIDInit/ProcSet findresource begin',
    '12 dict begin',
    'begincmap',
    '/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def',
    '/CMapName/Adobe-Identity-UCS def',
    '/CMapType 2 def',
    `1 begincodespacerange\n${range}\nendcodespacerange`,
    ...blocks,
    'endcmap',
    'CMapName currentdict/CMap defineresource pop',
    'end',
    'end',
  ].join('\n')
}

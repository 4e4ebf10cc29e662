/** What stands for a character that cannot be shown or stored. */
const replacement = '�'

/**
 * Text as it can be laid out: lines end with `\n`, tabs and line ends are the only control characters, surrogates are
 * paired, and letters are whole where Unicode has them so (fonts know `각`, not its three letters).
 */
export function cleanText(text: string): string {
  // Most text is already so, and looking is quicker than making it so.
  if (/^[\n\x20-\x7e\xa0-ÿ가-힣一-鿿]*$/.test(text)) return text
  return text
    .toWellFormed()
    .replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n')
    .replace(/[\0-\x08\x0e-\x1f\x7f-\x9f]/g, '')
    .replace(/[\ufdd0-\ufdef\u{fffe}\u{ffff}]|[\ufff9-\ufffb]/gu, replacement)
    .normalize('NFC')
}

/** A name or title: one line of at most `most` characters. */
export function cleanLine(text: string, most: number): string {
  const line = cleanText(text).replace(/\s+/g, ' ').trim()
  return line.length <= most
    ? line
    : `${line
        .slice(0, most - 1)
        .toWellFormed()
        .replace(/�$/, '')}…`
}

/** Tabs → spaces up to the next column that is a multiple of four, as code is written. */
export function expandTabs(line: string): string {
  if (!line.includes('\t')) return line
  let out = ''
  for (const piece of line.split(/(\t)/)) out += piece === '\t' ? ' '.repeat(4 - (out.length % 4)) : piece
  return out
}

const blockTag =
  /^\/?(?:address|article|aside|blockquote|body|br|caption|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|li|main|nav|ol|option|p|pre|section|table|tbody|td|tfoot|th|thead|title|tr|ul)$/
const hiddenTag = new Set(['script', 'style', 'template', 'noscript', 'svg', 'textarea'])
const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  middot: '·',
  bull: '•',
  deg: '°',
  euro: '€',
  copy: '©',
  reg: '®',
}

/**
 * The text a person would read in an HTML or XML document: no tags, comments, scripts or styles; entities decoded; block
 * elements on lines of their own. Linear in the input. For searching, not for making foreign HTML safe to show.
 */
export function stripHtml(html: string): string {
  let text = ''
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open < 0) break
    text += collapse(html.slice(at, open))
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4)
      at = end < 0 ? html.length : end + 3
      continue
    }
    if (html.startsWith('<![CDATA[', open)) {
      const end = html.indexOf(']]>', open + 9)
      text += collapse(html.slice(open + 9, end < 0 ? html.length : end))
      at = end < 0 ? html.length : end + 3
      continue
    }
    if (!/[a-z/!?]/i.test(html[open + 1] ?? '')) {
      text += '<'
      at = open + 1
      continue
    }
    const close = html.indexOf('>', open)
    // Without any ">" left nothing after it is a tag; asking again at every "<" would be quadratic.
    if (close < 0) return decode(tidy(text + collapse(html.slice(open))))
    const name = /^\/?[a-z][a-z0-9]*/i.exec(html.slice(open + 1, open + 24))?.[0].toLowerCase() ?? ''
    at = close + 1
    if (hiddenTag.has(name) && html[close - 1] !== '/') at = afterHidden(html, name, at)
    if (blockTag.test(name)) text += '\n'
  }
  return decode(tidy(text + collapse(html.slice(at))))
}

function afterHidden(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}`, 'gi')
  closing.lastIndex = from
  const found = closing.exec(html)
  const close = found ? html.indexOf('>', found.index) : -1
  return close < 0 ? html.length : close + 1
}

function collapse(text: string): string {
  return text.replace(/[ \t\r\n\f]+/g, ' ')
}

function tidy(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name) return entities[name.toLowerCase()] ?? whole
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole
  })
}

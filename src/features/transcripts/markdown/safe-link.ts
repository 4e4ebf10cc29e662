const schemes = new Set(['http:', 'https:', 'mailto:'])
const longest = 2000

/** A link that may stand in a document, in ASCII; undefined for everything that does more than open a page or write a letter. */
export function safeLink(target: string): string | undefined {
  if (target.length > longest || !URL.canParse(target)) return undefined
  const url = new URL(target)
  return schemes.has(url.protocol) && url.href.length <= longest * 3 ? url.href : undefined
}

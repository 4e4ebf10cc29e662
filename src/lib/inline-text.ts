const textual = /^text\/|^application\/(json|xml|yaml|x-yaml|javascript|x-ndjson)\b|\+(json|xml)\b/i

/** Splits a base64 `data:` URL; undefined for every other URL. */
export function splitDataUrl(url: string): { mediaType: string; data: string } | undefined {
  if (!url.startsWith('data:')) return undefined
  const comma = url.indexOf(',')
  const head = url.slice('data:'.length, comma < 0 ? url.length : comma)
  const body = comma < 0 ? '' : url.slice(comma + 1)
  const mediaType = head.split(';')[0] || 'text/plain'
  if (/;base64$/i.test(head)) return { mediaType, data: body }
  // Percent signs that escape nothing are legal text in a data: URL, so decodeURIComponent would throw.
  const bytes = body.replace(/(%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
  return { mediaType, data: Buffer.from(bytes, 'utf8').toString('base64') }
}

/** The text of a document that is text and came as bytes (base64), by itself or in a `data:` URL. */
export function inlineText(file: { mediaType: string; data?: string; url?: string }): string | undefined {
  if (!textual.test(file.mediaType)) return undefined
  const data = file.data ?? (file.url === undefined ? undefined : splitDataUrl(file.url)?.data)
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8')
}

import type { Part } from '#contracts/index.ts'

type FilePart = Extract<Part, { type: 'file' }>

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

/** A document's text where it is text: extracted before, or of a textual media type. Headed by its name. */
export function fileText(file: FilePart): string | undefined {
  const text = file.text ?? inlineText(file)
  return text === undefined ? undefined : `File ${file.name}:\n${text}`
}

/** A document's bytes (base64), given inline or as a `data:` URL. */
export function fileData(file: FilePart): string | undefined {
  return file.data ?? (file.url === undefined ? undefined : splitDataUrl(file.url)?.data)
}

function inlineText(file: FilePart): string | undefined {
  const textual = /^text\/|^application\/(json|xml|yaml|x-yaml|javascript|x-ndjson)\b|\+(json|xml)\b/i
  const data = textual.test(file.mediaType) ? fileData(file) : undefined
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8')
}

import type { Part } from '#contracts/index.ts'
import { inlineText, splitDataUrl } from '#lib/inline-text.ts'

type FilePart = Extract<Part, { type: 'file' }>

export { splitDataUrl }

/** A document's text where it is text: extracted before, or of a textual media type. Headed by its name. */
export function fileText(file: FilePart): string | undefined {
  const text = file.text ?? inlineText(file)
  return text === undefined ? undefined : `File ${file.name}:\n${text}`
}

/** A document's bytes (base64), given inline or as a `data:` URL. */
export function fileData(file: FilePart): string | undefined {
  return file.data ?? (file.url === undefined ? undefined : splitDataUrl(file.url)?.data)
}

import { invalid } from '#errors/index.ts'
import { isUuid } from '#lib/uuid.ts'
import type { ListOptions, PutOptions } from './blobs.ts'

const maxKeyLength = 512
/** No leading dot, so neither `.`, `..` nor a hidden file; nothing that a URL, a shell or another system reads otherwise. */
const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/
const maxListed = 1000

/** What a blob's file ends with on disk; no segment of a key may, so that no blob lies where another's folder is. */
export const fileEnding = '.blob'

/**
 * Whether it is a key: `<workspace id>/<segment>[/<segment>…]`, the id a lower-case UUID, each segment of letters, digits
 * and `._-`. Names that people give belong into `filename`.
 */
function isBlobKey(key: string): boolean {
  if (key.length > maxKeyLength) return false
  const [workspace, ...rest] = key.split('/')
  return (
    isWorkspace(workspace!) && rest.length > 0 && rest.every((one) => segment.test(one) && !one.endsWith(fileEnding))
  )
}

export function checkKey(key: string): void {
  if (!isBlobKey(key)) throw invalid('key', 'Not the key of a blob')
}

export function checkList(prefix: string, options: ListOptions): { limit: number } {
  const [workspace, ...rest] = prefix.split('/')
  const plain = prefix.length <= maxKeyLength && /^[A-Za-z0-9._/-]*$/.test(prefix)
  if (!plain || !isWorkspace(workspace!) || rest.length === 0 || rest.includes('..') || rest.includes('.'))
    throw invalid('prefix', 'A prefix begins with the id of a workspace and a slash')
  if (options.after !== undefined) checkKey(options.after)
  const limit = options.limit ?? maxListed
  if (!Number.isInteger(limit) || limit < 1) throw invalid('limit', 'limit must be a whole number of at least 1')
  return { limit: Math.min(limit, maxListed) }
}

export function checkPut({ contentType, filename }: PutOptions): void {
  if (!/^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(contentType)) throw invalid('contentType', 'Not a content type')
  if (filename !== undefined) checkFilename(filename)
}

export function checkFilename(filename: string): void {
  const plain = filename.length > 0 && filename.length <= 255 && filename.isWellFormed() && !/\p{Cc}/u.test(filename)
  if (!plain) throw invalid('filename', 'Not a name for a file')
}

function isWorkspace(text: string): boolean {
  return isUuid(text) && text === text.toLowerCase()
}

import type { FileHandle } from 'node:fs/promises'
import type { PutOptions } from './blobs.ts'

/** The first line of a blob's file: what is known of it, as JSON. In the same file, so that one rename shows both. */
export interface FileHead extends PutOptions {
  /** Bytes before the content. */
  length: number
}

/** Longer than the longest content type and name, escaped. */
const longest = 4096

export function headBytes({ contentType, filename }: PutOptions): Buffer {
  return Buffer.from(`${JSON.stringify({ contentType, ...(filename !== undefined && { filename }) })}\n`)
}

export async function readHead(file: FileHandle): Promise<FileHead> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(longest), 0, longest, 0)
  const end = buffer.subarray(0, bytesRead).indexOf('\n')
  const head = JSON.parse(buffer.toString('utf8', 0, Math.max(end, 0))) as PutOptions
  return { ...head, length: end + 1 }
}

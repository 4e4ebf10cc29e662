import type { Readable } from 'node:stream'
import type { SignedParts } from './signed-url.ts'

export interface PutOptions {
  /** As it will be served; at most 255 visible ASCII characters. */
  contentType: string
  /** The name a browser saves it under; any text without control characters, at most 255 characters. */
  filename?: string
}

/** `end` is inclusive, as in HTTP; without it: to the last byte. */
export interface BlobRange {
  start: number
  end?: number
}

export interface BlobInfo {
  /** Bytes of the whole blob. */
  size: number
  contentType: string
  filename?: string
  /** Changes when the content does; an opaque token without quotes. */
  etag: string
}

export interface Blob extends BlobInfo {
  /** Destroy it when it is not read to its end. */
  stream: Readable
}

export interface ListOptions {
  /** At most this many; default and most: 1,000. */
  limit?: number
  /** Only keys that sort after this one. */
  after?: string
}

export interface BlobPage {
  items: { key: string; size: number; modifiedAtMs: number }[]
  /** For `after`, when there may be more. */
  next?: string
}

export interface SignOptions {
  /** From one second to seven days (what S3 allows). */
  expiresInMs: number
  /** Instead of the name the blob was stored with. */
  filename?: string
  /** Where this server is reached, without a slash at its end; unused when S3 serves the blob itself. */
  baseUrl: string
}

/**
 * The one interface of both halves. Every function throws `invalid-request` for a key that is none (see key.ts) and
 * `overloaded` when the disk is full or the storage does not answer.
 */
export interface Blobs {
  kind: 'disk' | 's3'
  /**
   * Stores what `source` yields, whole or not at all: until it resolves, readers see what was there before. What the
   * source throws is thrown on, and nothing is left behind. Resolves when it would survive a power failure.
   */
  put(
    key: string,
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions,
  ): Promise<{ size: number; sha256: string }>
  /** Undefined when there is none. A range that begins beyond the end throws `invalid-request` (field `range`). */
  get(key: string, options?: { range?: BlobRange }): Promise<Blob | undefined>
  head(key: string): Promise<BlobInfo | undefined>
  /** Also resolves when there was none. */
  remove(key: string): Promise<void>
  /** In the order of their bytes. `prefix` begins with a workspace's id and a slash. */
  list(prefix: string, options?: ListOptions): Promise<BlobPage>
  /** A URL that serves the blob, as a download, to whoever holds it. The blob need not be there yet. */
  signedUrl(key: string, options: SignOptions): Promise<string>
  /** Throws `forbidden` unless these are parts of a URL of our own route that has not expired. */
  checkSigned(key: string, parts: SignedParts): void
  /** Why blobs cannot be written now; undefined when they can. Never throws. */
  check(): Promise<string | undefined>
}

import type { Blobs } from './blobs.ts'
import { openDisk } from './disk.ts'
import { urlSigner } from './signed-url.ts'

export interface S3Settings {
  /** `https://host[:port]`, without the bucket. */
  endpoint: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  region: string
}

export interface BlobsOptions {
  /** Where blobs lie on disk; made when it is missing. Unused with `s3`. */
  folder: string
  /** Whether no other process writes to `folder`: then what uploads left behind is removed at once. */
  exclusive: boolean
  s3?: S3Settings
  /** Signs the URLs of our own route. */
  secretKey: Buffer
  now(): number
}

/** Opens the store. Throws what the file system says when the folder cannot be made or written to. */
export async function openBlobs(options: BlobsOptions): Promise<Blobs> {
  const signer = urlSigner(options.secretKey, options.now)
  if (options.s3 === undefined) return openDisk({ ...options, signer })
  // Nobody without S3 pays for its client.
  const { openS3 } = await import('./s3.ts')
  return openS3({ ...options, settings: options.s3, signer })
}

/**
 * Blobs: bytes under a key, on disk or in an S3 bucket. Knows no owner but the workspace a key begins with; who may read
 * a blob is decided above, and a signed URL is that decision in writing.
 */
export type { Blob, BlobInfo, BlobPage, BlobRange, Blobs, ListOptions, PutOptions, SignOptions } from './blobs.ts'
export { type BlobsOptions, openBlobs } from './open-blobs.ts'
export type { SignedParts } from './signed-url.ts'

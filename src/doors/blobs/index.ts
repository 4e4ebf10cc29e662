/**
 * Serves blobs to whoever holds a signed URL: the signature is the credential. Reads only, always as a download, so that
 * nothing uploaded can act in this server's name in a browser.
 */
import { type ErrorShape, type Scoped, useErrors } from '../gate/index.ts'
import { addBlob, type BlobsDoorDeps } from './blob.ts'

export function blobsDoor(door: Scoped, deps: BlobsDoorDeps & { errors: ErrorShape }): void {
  useErrors(door, deps.errors)
  addBlob(door, deps)
}

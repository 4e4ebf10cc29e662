import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsV4Signer } from 'aws4fetch'
import { type Blobs, openBlobs } from '#store/blobs/index.ts'
import type { S3Settings } from '#store/blobs/open-blobs.ts'

const env = process.env

export type BlobKind = 'disk' | 's3'

/** The disk always; S3 when PARLEY_TEST_S3_ENDPOINT, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY (and _REGION) name a server. */
export const blobKinds: readonly BlobKind[] = env.PARLEY_TEST_S3_ENDPOINT ? ['disk', 's3'] : ['disk']

export interface TestBlobs {
  kind: BlobKind
  blobs: Blobs
  /** Of the disk half. */
  folder: string
  s3?: S3Settings
  /** Opens the same store again, as the next start does. */
  openAgain(): Promise<Blobs>
  remove(): Promise<void>
}

/** A fresh store: a folder of its own, or a bucket of its own on the test server. */
export async function freshBlobs(kind: BlobKind, now: () => number = Date.now): Promise<TestBlobs> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-blobs-'))
  const s3 = kind === 's3' ? await makeBucket() : undefined
  const secretKey = Buffer.alloc(32, 7)
  const openAgain = () => openBlobs({ folder, exclusive: true, secretKey, now, ...(s3 && { s3 }) })
  return {
    kind,
    blobs: await openAgain(),
    folder,
    ...(s3 && { s3 }),
    openAgain,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Also for whole servers: the settings as variables of theirs. */
export async function makeBucket(): Promise<S3Settings> {
  const settings: S3Settings = {
    endpoint: env.PARLEY_TEST_S3_ENDPOINT!,
    bucket: `parley-test-${randomBytes(6).toString('hex')}`,
    accessKeyId: env.PARLEY_TEST_S3_ACCESS_KEY_ID!,
    secretAccessKey: env.PARLEY_TEST_S3_SECRET_ACCESS_KEY!,
    region: env.PARLEY_TEST_S3_REGION ?? 'us-east-1',
  }
  const answer = await askS3(settings, 'PUT', '')
  if (!answer.ok) throw new Error(`no bucket: ${answer.status} ${await answer.text()}`)
  return settings
}

/** A signed request beside the store, to look at what it left in the bucket. */
export async function askS3(settings: S3Settings, method: string, rest: string): Promise<Response> {
  const url = `${settings.endpoint}/${settings.bucket}${rest}`
  const signed = await new AwsV4Signer({ ...settings, service: 's3', method, url }).sign()
  return fetch(signed.url, { method, headers: signed.headers })
}

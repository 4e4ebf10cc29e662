import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Blobs, openBlobs } from './index.ts'
import { type S3CallKind, type S3Fault, scriptedS3 } from './scripted-s3-for-test.ts'

const key = '0199aaaa-0000-7000-8000-000000000001/a.pdf'
const pdf = { contentType: 'application/pdf' }
const size = 17_000_000
async function* threeParts() {
  for (let at = 0; at < size; at += 1_000_000) yield Buffer.alloc(1_000_000, at / 1_000_000)
}

describe('a storage that fails', () => {
  let s3: Awaited<ReturnType<typeof scriptedS3>>
  let blobs: Blobs
  beforeEach(async () => {
    s3 = await scriptedS3()
    const settings = { bucket: 'b', accessKeyId: 'id', secretAccessKey: 'secret', region: 'us-east-1' }
    const { endpoint } = s3
    const secretKey = Buffer.alloc(32)
    blobs = await openBlobs({ folder: '', exclusive: true, secretKey, now: Date.now, s3: { endpoint, ...settings } })
  })
  afterEach(() => s3.close())

  /** The first `times` calls of this kind go wrong. */
  const fails = (kind: S3CallKind, fault: S3Fault, times = 1) =>
    s3.fails((called, nth) => (called === kind && nth <= times ? fault : undefined))
  const stored = () => s3.objects.get(`/b/${key}`)?.bytes.length

  it.each<[string, S3CallKind, S3Fault]>([
    ['a part is cut off', 'part', 'reset'],
    ['a part is to come slower', 'part', { status: 503, code: 'SlowDown' }],
    ['a part came too slowly', 'part', { status: 400, code: 'RequestTimeout' }],
    ['another was at it', 'complete', { status: 409, code: 'OperationAborted' }],
    ['the end fails behind a good status', 'complete', { status: 200, code: 'InternalError' }],
    ['the answer to the end is lost', 'complete', 'lost'],
    ['the answer to the end is cut off', 'complete', 'cut'],
    ['the answer to the beginning is cut off', 'create', 'cut'],
  ])('has the upload all the same when %s', async (_, kind, fault) => {
    fails(kind, fault)
    expect(await blobs.put(key, threeParts(), pdf)).toMatchObject({ size })
    expect(stored()).toBe(size)
  })

  it('has it also when no answer to its end ever comes, and does not believe that of an older one', async () => {
    fails('complete', 'lost', 99)
    expect(await blobs.put(key, threeParts(), pdf)).toMatchObject({ size })
    s3.calls.length = 0
    fails('complete', 'reset', 99)
    await expect(blobs.put(key, threeParts(), pdf)).rejects.toMatchObject({ code: 'overloaded' })
  })

  it.each<[string, S3CallKind, S3Fault, string]>([
    ['parts', 'part', { status: 503, code: 'SlowDown' }, 'overloaded'],
    ['a part for good', 'part', { status: 403, code: 'ExpiredToken' }, 'internal'],
    ['the end behind a good status', 'complete', { status: 200, code: 'InternalError' }, 'overloaded'],
  ])('is left with nothing when it goes on refusing %s', async (_, kind, fault, code) => {
    fails(kind, fault, 99)
    await expect(blobs.put(key, threeParts(), pdf)).rejects.toMatchObject({ code })
    expect([stored(), s3.uploads.size]).toEqual([undefined, 0])
  })

  it.each<[string, S3CallKind]>([
    ['an upload', 'create'],
    ['its first part', 'part'],
  ])('lets go of the source when it refuses %s', async (_, kind) => {
    let isHeld = true
    async function* source() {
      try {
        yield* threeParts()
      } finally {
        isHeld = false
      }
    }
    fails(kind, { status: 403, code: 'AccessDenied' }, 99)
    await expect(blobs.put(key, source(), pdf)).rejects.toMatchObject({ code: 'internal' })
    expect(isHeld).toBe(false)
  })

  it('ends a download that it breaks off with an error, not as if that were all', async () => {
    await blobs.put(key, Buffer.alloc(1_000_000), pdf)
    fails('get', 'cut')
    const { stream } = (await blobs.get(key))!
    await expect(stream.toArray()).rejects.toThrow()
  })

  it('is told of as away in seconds when it hangs', { timeout: 20_000 }, async () => {
    fails('head', 'hangs', 99)
    const began = performance.now()
    expect(await blobs.check()).toBe('The storage for blobs does not answer')
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})

import { createHash, randomUUID } from 'node:crypto'
import { invalid } from '#errors/index.ts'
import { attachment } from '#lib/content-disposition.ts'
import { withinMs } from '#lib/within.ts'
import type { Blob, BlobInfo, BlobRange, Blobs, PutOptions, SignOptions } from './blobs.ts'
import { checkKey, checkList, checkPut } from './key.ts'
import type { S3Settings } from './open-blobs.ts'
import { inParts } from './parts.ts'
import { s3Calls } from './s3-calls.ts'
import { checkSign, type urlSigner } from './signed-url.ts'
import { textsOf } from './xml.ts'

/** What is buffered of an upload. S3 takes parts from 5 MiB and at most 10,000 of them, so a blob is up to 78 GiB. */
const partBytes = 8 * 1024 * 1024
/** What `check` found holds for so long. */
const checkedForMs = 5_000
/** Who asks for its health waits no longer for a storage that hangs. */
const checkMs = 5_000
const filenameHeader = 'x-amz-meta-filename'
/** Which upload an object came from. */
const uploadHeader = 'x-amz-meta-upload'

/**
 * Blobs in a bucket of any server that speaks S3, addressed by path. What is longer than one part is uploaded in several,
 * and becomes visible when the last is there; a failed upload is aborted.
 */
export function openS3(options: { settings: S3Settings; signer: ReturnType<typeof urlSigner>; now(): number }): Blobs {
  const calls = s3Calls(options.settings, options.now)

  async function put(key: string, source: AsyncIterable<Uint8Array> | Uint8Array, putOptions: PutOptions) {
    checkKey(key)
    checkPut(putOptions)
    const hash = createHash('sha256')
    let size = 0
    async function* counted() {
      for await (const chunk of source instanceof Uint8Array ? [source] : source) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    }
    const parts = inParts(counted(), partBytes)
    try {
      const first = (await parts.next()).value ?? Buffer.alloc(0)
      if (first.length < partBytes) await calls.send('PUT', key, { headers: storedWith(putOptions), body: first })
      else await putInParts(key, first, parts, putOptions)
    } finally {
      // What fails before the second part would leave the source where it is, with all that it holds.
      await parts.return(undefined)
    }
    return { size, sha256: hash.digest('hex') }
  }

  async function putInParts(key: string, first: Buffer, rest: AsyncIterable<Buffer>, putOptions: PutOptions) {
    const mark = randomUUID()
    const headers = { ...storedWith(putOptions), [uploadHeader]: mark }
    const started = await calls.send('POST', key, { query: { uploads: '' }, headers, expects: '</UploadId>' })
    const uploadId = textsOf(started.text, 'UploadId')[0]!
    let completing = false
    try {
      const etags: string[] = []
      const upload = async (body: Buffer) => {
        const query = { partNumber: String(etags.length + 1), uploadId }
        const { headers } = await calls.send('PUT', key, { query, body })
        etags.push(String(headers.etag))
      }
      await upload(first)
      for await (const part of rest) await upload(part)
      const listed = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
      const body = Buffer.from(`<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`)
      completing = true
      await calls.send('POST', key, { query: { uploadId }, body, expects: 'CompleteMultipartUploadResult' })
    } catch (thrown) {
      // It may have been done and only the answer lost; the next try is then told that there is no such upload.
      if (completing && (await cameFrom(key, mark))) return
      // The reason of the failure is worth more than that of its aftermath; the bucket's own rules remove what is left.
      await calls.send('DELETE', key, { query: { uploadId } }).catch(() => undefined)
      throw thrown
    }
  }

  async function cameFrom(key: string, mark: string): Promise<boolean> {
    const found = await calls.send('HEAD', key, { mayBeAbsent: true }).catch(() => undefined)
    return found?.headers[uploadHeader] === mark
  }

  async function get(key: string, { range }: { range?: BlobRange } = {}): Promise<Blob | undefined> {
    checkKey(key)
    const bytes = range && `bytes=${range.start}-${range.end ?? ''}`
    const answer = await calls.open(key, bytes === undefined ? {} : { range: bytes })
    if (answer === undefined) return undefined
    if (answer === 'out-of-range') throw invalid('range', 'The range lies outside the blob')
    return { ...infoFrom(answer.headers), stream: answer.body }
  }

  async function head(key: string): Promise<BlobInfo | undefined> {
    checkKey(key)
    const answer = await calls.send('HEAD', key, { mayBeAbsent: true })
    return answer.status === 404 ? undefined : infoFrom(answer.headers)
  }

  async function signedUrl(key: string, signOptions: SignOptions): Promise<string> {
    checkKey(key)
    const { filename } = signOptions
    const seconds = checkSign(signOptions)
    return calls.presign(key, {
      'X-Amz-Expires': String(seconds),
      ...(filename !== undefined && { 'response-content-disposition': attachment(filename) }),
    })
  }

  let checked: { atMs: number; result: Promise<string | undefined> } | undefined
  /** Anybody may ask a server for its health; the storage is not asked each time. */
  function check(): Promise<string | undefined> {
    if (!checked || options.now() - checked.atMs >= checkedForMs) {
      checked = { atMs: options.now(), result: ask() }
    }
    return checked.result
  }

  async function ask(): Promise<string | undefined> {
    let found: string | undefined = 'The storage for blobs does not answer'
    const answer = calls.send('HEAD', '').then(
      () => {
        found = undefined
      },
      () => undefined,
    )
    await withinMs(checkMs, answer)
    return found
  }

  return {
    kind: 's3',
    put,
    get,
    head,
    async remove(key) {
      checkKey(key)
      await calls.send('DELETE', key, { mayBeAbsent: true })
    },
    async list(prefix, listOptions = {}) {
      const { limit } = checkList(prefix, listOptions)
      const { after } = listOptions
      const query = {
        'list-type': '2',
        prefix,
        'max-keys': String(limit),
        ...(after !== undefined && { 'start-after': after }),
      }
      const { text } = await calls.send('GET', '', { query })
      const items = textsOf(text, 'Contents').map((item) => ({
        key: textsOf(item, 'Key')[0]!,
        size: Number(textsOf(item, 'Size')[0]),
        modifiedAtMs: Date.parse(textsOf(item, 'LastModified')[0]!),
      }))
      const more = textsOf(text, 'IsTruncated')[0] === 'true' && items.length > 0
      return { items, ...(more && { next: items.at(-1)!.key }) }
    },
    signedUrl,
    checkSigned: options.signer.check,
    check,
  }
}

/** Headers of an object that are kept with it. Its name is kept twice: for browsers, and for us. */
function storedWith({ contentType, filename }: PutOptions): Record<string, string> {
  return {
    'content-type': contentType,
    'content-disposition': filename === undefined ? 'attachment' : attachment(filename),
    ...(filename !== undefined && { [filenameHeader]: encodeURIComponent(filename) }),
  }
}

function infoFrom(headers: Record<string, string | string[] | undefined>): BlobInfo {
  const text = (name: string) => (headers[name] === undefined ? undefined : String(headers[name]))
  const filename = text(filenameHeader)
  const whole = text('content-range')?.split('/')[1] ?? text('content-length')
  return {
    size: Number(whole),
    contentType: text('content-type') ?? 'application/octet-stream',
    etag: (text('etag') ?? '').replaceAll('"', ''),
    ...(filename !== undefined && { filename: decodeURIComponent(filename) }),
  }
}

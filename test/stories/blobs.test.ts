import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { masterSecret } from '#config/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { type Blobs, openBlobs } from '#store/blobs/index.ts'
import { blobKinds, makeBucket } from '#test/support/blobs.ts'
import { type RunningParley, startParley } from '#test/support/parley.ts'

const key = '0199aaaa-0000-7000-8000-000000000001/transcripts/a.pdf'
const bytes = randomBytes(200_000)

describe.each(blobKinds)('a signed URL of a server with its blobs on %s', (kind) => {
  const now = Date.now()
  let parley: RunningParley & { close(): Promise<void> }
  let blobs: Blobs
  beforeAll(async () => {
    const s3 = kind === 's3' ? await makeBucket() : undefined
    const env = s3 && {
      S3_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY_ID: s3.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      S3_REGION: s3.region,
    }
    parley = await startParley({ ...(env && { env }), overrides: { now: () => now } })
    const data = parley.home.env.PARLEY_DATA!
    const secretKey = deriveKey(masterSecret(undefined, data), 'blobs')
    // As one of several processes would: the same place, the same secret.
    blobs = await openBlobs({
      folder: join(data, 'blobs'),
      exclusive: false,
      secretKey,
      now: () => now,
      ...(s3 && { s3 }),
    })
    await blobs.put(key, bytes, { contentType: 'application/pdf', filename: '대화.pdf' })
  })
  afterAll(() => parley?.close())

  async function sign(of = key, filename?: string): Promise<string> {
    const options = { expiresInMs: 60_000, baseUrl: parley.url, ...(filename !== undefined && { filename }) }
    return blobs.signedUrl(of, options)
  }

  it('gives the file without a credential, as a download', async () => {
    const answer = await fetch(await sign(key, 'Chat 1.pdf'))
    expect(answer.status).toBe(200)
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    expect(answer.headers.get('content-type')).toBe('application/pdf')
    expect(answer.headers.get('content-disposition')).toContain(`filename="Chat 1.pdf"`)
    const stored = await fetch(await sign())
    await stored.arrayBuffer()
    expect(stored.headers.get('content-disposition')).toContain(`filename*=UTF-8''${encodeURIComponent('대화')}.pdf`)
  })

  it('gives ranges', async () => {
    const answer = await fetch(await sign(), { headers: { range: 'bytes=100-199' } })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, 'bytes 100-199/200000'])
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true)
  })
})

describe('a server whose storage is away', () => {
  it('says so to whoever asks for its health, and takes turns all the same', async () => {
    const env = {
      S3_ENDPOINT: 'http://127.0.0.1:9',
      S3_BUCKET: 'gone',
      S3_ACCESS_KEY_ID: 'x',
      S3_SECRET_ACCESS_KEY: 'y',
    }
    const parley = await startParley({ env })
    const health = await fetch(`${parley.url}/api/v1/system/health`)
    const share = expect.toSatisfy((value) => typeof value === 'number' && value >= 0 && value <= 100)
    expect([health.status, await health.json()]).toMatchObject([
      200,
      {
        status: 'healthy',
        checks: {
          database: { status: 'healthy', message: 'OK' },
          blobs: { status: 'unhealthy', message: 'The storage for blobs does not answer' },
          system: {
            status: 'healthy',
            message: 'OK',
            metrics: { cpu_percent: share, memory_percent: share, disk_percent: share },
          },
        },
      },
    ])
    expect((await fetch(`${parley.url}/health/readiness`)).status).toBe(200)
    await parley.close()
  })
})

describe('GET /blobs', () => {
  let now = Date.now()
  let parley: RunningParley & { close(): Promise<void> }
  let blobs: Blobs
  let url: URL
  beforeAll(async () => {
    parley = await startParley({ overrides: { now: () => now } })
    const data = parley.home.env.PARLEY_DATA!
    const secretKey = deriveKey(masterSecret(undefined, data), 'blobs')
    blobs = await openBlobs({ folder: join(data, 'blobs'), exclusive: false, secretKey, now: () => now })
    await blobs.put(key, bytes, { contentType: 'text/html', filename: 'a.html' })
    url = new URL(await blobs.signedUrl(key, { expiresInMs: 60_000, baseUrl: parley.url }))
  })
  afterAll(() => parley?.close())

  const ask = async (to: URL | string, headers: Record<string, string> = {}, method = 'GET') => {
    const answer = await fetch(to, { method, headers })
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) }
  }
  const changed = (change: (url: URL) => void) => {
    const other = new URL(url)
    change(other)
    return other
  }

  it('lets nothing stored act in a browser in this server’s name', async () => {
    const { headers } = await ask(url)
    expect(headers.get('content-disposition')).toMatch(/^attachment/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('refuses what was changed or has expired, in the shape of the application API, and tells nothing else', async () => {
    const forged = [
      changed((u) => u.searchParams.set('signature', 'x'.repeat(43))),
      changed((u) => u.searchParams.set('expires', '99999999999')),
      changed((u) => u.searchParams.set('filename', 'other.pdf')),
      changed((u) => {
        u.pathname += 'x'
      }),
      `${parley.url}/blobs/..%2f..%2fsecret${url.search}`,
      `${parley.url}/blobs/%2e%2e%2fparley.db${url.search}`,
      `${parley.url}/blobs/a%00b${url.search}`,
    ]
    for (const to of forged) {
      const { status, body } = await ask(to)
      expect([status, JSON.parse(String(body))], String(to)).toEqual(refusal(403, 'This link is not valid'))
      expect((await ask(to, {}, 'HEAD')).status).toBe(status)
    }
    for (const name of ['expires', 'signature'])
      expect((await ask(changed((u) => u.searchParams.delete(name)))).status).toBe(400)
    now += 61_000
    const { status, body } = await ask(url)
    expect([status, JSON.parse(String(body))]).toEqual(refusal(403, 'This link has expired'))
    now -= 61_000
  })

  it('answers 404 once the file is gone', async () => {
    const gone = await blobs.signedUrl(key.replace('a.pdf', 'gone.pdf'), { expiresInMs: 60_000, baseUrl: parley.url })
    for (const method of ['GET', 'HEAD']) expect((await ask(gone, {}, method)).status).toBe(404)
  })

  it('answers HEAD with the same head and no body', async () => {
    const { status, headers, body } = await ask(url, {}, 'HEAD')
    expect([status, headers.get('content-length'), body.length]).toEqual([200, '200000', 0])
    expect(headers.get('content-type')).toBe('text/html')
    expect(headers.get('accept-ranges')).toBe('bytes')
  })

  it('gives parts, all of it when it was changed meanwhile, and 416 for what is not there', async () => {
    const whole = await ask(url)
    const etag = whole.headers.get('etag')!
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 0],
      ['bytes=199999-', 199_999, 199_999],
      ['bytes=-500', 199_500, 199_999],
      ['bytes=1000-999999', 1000, 199_999],
    ] as const)
      for (const headers of [{ range }, { range, 'if-range': etag }] as Record<string, string>[]) {
        const part = await ask(url, headers)
        expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/200000`])
        expect(part.headers.get('content-length')).toBe(String(end - start + 1))
        expect(part.body.equals(bytes.subarray(start, end + 1))).toBe(true)
      }
    const others: Record<string, string>[] = [
      { range: 'bytes=0-1', 'if-range': '"other"' },
      { range: 'bytes=0-1,5-6' },
      { range: 'x' },
    ]
    for (const headers of others) expect((await ask(url, headers)).status).toBe(200)
    const outside = await ask(url, { range: 'bytes=200000-' })
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */200000'])
  })

  it('says that it can store files', async () => {
    const health = await (await fetch(`${parley.url}/api/v1/system/health`)).json()
    expect(health).toMatchObject({ checks: { blobs: { status: 'healthy', message: 'OK' } } })
  })

  it('serves an empty file', async () => {
    const empty = key.replace('a.pdf', 'empty.pdf')
    await blobs.put(empty, Buffer.alloc(0), { contentType: 'application/pdf' })
    const signed = await blobs.signedUrl(empty, { expiresInMs: 60_000, baseUrl: parley.url })
    expect(await ask(signed)).toMatchObject({ status: 200, body: Buffer.alloc(0) })
    expect((await ask(signed, { range: 'bytes=0-' })).status).toBe(416)
  })
})

function refusal(code: number, message: string) {
  return [code, { data: null, status: 'error', code, message }]
}

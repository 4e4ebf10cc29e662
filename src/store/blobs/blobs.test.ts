import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askS3, blobKinds, freshBlobs, type TestBlobs } from '#test/support/blobs.ts'
import type { BlobRange, Blobs } from './index.ts'

const mine = '0199aaaa-0000-7000-8000-000000000001'
const others = '0199aaaa-0000-7000-8000-000000000002'
const pdf = { contentType: 'application/pdf', filename: 'Chat – 대화 "1".pdf' }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(blobs: Blobs, key: string, range?: BlobRange): Promise<Buffer | undefined> {
  const blob = await blobs.get(key, range && { range })
  return blob && Buffer.concat(await blob.stream.toArray())
}

for (const kind of blobKinds)
  describe(`blobs on ${kind}`, () => {
    let store: TestBlobs
    let blobs: Blobs
    let now = Date.now()
    beforeAll(async () => {
      store = await freshBlobs(kind, () => now)
      blobs = store.blobs
    })
    afterAll(() => store?.remove())

    it('gives back what it was given, from bytes and from streams, of no length and of many parts', async () => {
      for (const length of [0, 1, 70_000, 8 * 1024 * 1024, 17 * 1024 * 1024 + 3]) {
        const bytes = randomBytes(length)
        const key = `${mine}/a/${length}.bin`
        const said = await blobs.put(key, inChunks(bytes, 60_001), pdf)
        expect(said).toEqual({ size: length, sha256: sha256(bytes) })
        expect(await blobs.head(key)).toMatchObject({ size: length, ...pdf })
        const found = await read(blobs, key)
        expect(found!.equals(bytes)).toBe(true)
      }
      await blobs.put(`${mine}/a/plain`, Buffer.from('text'), { contentType: 'text/plain; charset=utf-8' })
      const { stream, ...info } = (await blobs.get(`${mine}/a/plain`))!
      stream.destroy()
      expect(info).toEqual({
        size: 4,
        contentType: 'text/plain; charset=utf-8',
        etag: expect.stringMatching(/^[\w-]+$/),
      })
    })

    it('keeps a chunk that its source uses again', async () => {
      const shared = Buffer.alloc(3)
      async function* reused() {
        for (const word of ['one', 'two']) {
          shared.write(word)
          yield shared
        }
      }
      await blobs.put(`${mine}/reused`, reused(), pdf)
      expect(String(await read(blobs, `${mine}/reused`))).toBe('onetwo')
    })

    it('gives ranges, and refuses those with nothing in them', async () => {
      const key = `${mine}/range`
      await blobs.put(key, Buffer.from('0123456789'), pdf)
      expect(String(await read(blobs, key, { start: 2, end: 4 }))).toBe('234')
      expect(String(await read(blobs, key, { start: 7 }))).toBe('789')
      expect(String(await read(blobs, key, { start: 9, end: 99 }))).toBe('9')
      const { stream, size } = (await blobs.get(key, { range: { start: 0, end: 0 } }))!
      expect([size, String(Buffer.concat(await stream.toArray()))]).toEqual([10, '0'])
      await expect(blobs.get(key, { range: { start: 10 } })).rejects.toMatchObject({ details: { field: 'range' } })
    })

    it('replaces, and removes also what is not there', async () => {
      const key = `${mine}/replaced`
      await blobs.put(key, Buffer.from('old'), pdf)
      const before = await blobs.head(key)
      await blobs.put(key, Buffer.from('newer'), { contentType: 'text/plain' })
      expect(String(await read(blobs, key))).toBe('newer')
      const after = await blobs.head(key)
      expect(after).toMatchObject({ contentType: 'text/plain', size: 5 })
      expect(after!.etag).not.toBe(before!.etag)
      await blobs.remove(key)
      await blobs.remove(key)
      expect(await blobs.get(key)).toBeUndefined()
      expect(await blobs.head(key)).toBeUndefined()
    })

    it('shows nothing of an upload whose source fails, early or late, and leaves nothing behind', async () => {
      for (const length of [10, 9 * 1024 * 1024]) {
        const key = `${mine}/failing/${length}`
        await blobs.put(key, Buffer.from('before'), pdf)
        async function* failing() {
          yield* inChunks(randomBytes(length), 1_000_000)
          throw new Error('the source broke')
        }
        await expect(blobs.put(key, failing(), pdf)).rejects.toThrow('the source broke')
        expect(String(await read(blobs, key))).toBe('before')
      }
      if (store.s3) expect(await (await askS3(store.s3, 'GET', '?uploads')).text()).not.toContain('<UploadId>')
    })

    it('lists by prefix in the order of bytes, page by page', async () => {
      const keys = ['l/a', 'l/a-b', 'l/a.b', 'l/a/b', 'l/a/c/d', 'l/a0', 'l/B', 'lb'].map((rest) => `${mine}/${rest}`)
      for (const key of [...keys, `${others}/l/a`]) await blobs.put(key, Buffer.from(key), pdf)
      const sorted = keys.filter((key) => key.startsWith(`${mine}/l/`)).sort()
      const page = await blobs.list(`${mine}/l/`)
      expect(page).toEqual({
        items: sorted.map((key) => ({ key, size: key.length, modifiedAtMs: expect.any(Number) })),
      })
      for (const limit of [1, 2, 3]) {
        const found: string[] = []
        let after: string | undefined
        do {
          const some = await blobs.list(`${mine}/l/`, { limit, ...(after !== undefined && { after }) })
          expect(some.items.length).toBeLessThanOrEqual(limit)
          found.push(...some.items.map(({ key }) => key))
          after = some.next
        } while (after !== undefined)
        expect(found).toEqual(sorted)
      }
      const begins = await blobs.list(`${mine}/l/a/`)
      expect(begins.items.map(({ key }) => key)).toEqual([`${mine}/l/a/b`, `${mine}/l/a/c/d`])
      expect((await blobs.list(`${mine}/nothing/`)).items).toEqual([])
    })

    it('takes no key that could mean anything else, nor a prefix without a workspace', async () => {
      const bad = [
        '',
        '/',
        mine,
        `${mine}/`,
        `${mine}//a`,
        `/${mine}/a`,
        `${mine}/../a`,
        `${mine}/a/..`,
        `${mine}/.a`,
        'a/b',
      ]
      bad.push(
        `${mine}/a\0b`,
        `${mine}/a\\b`,
        `${mine}/a b`,
        `${mine}/%2e%2e/a`,
        `${mine}/가`,
        `${mine}/a.blob/b`,
        `${mine.toUpperCase()}/a`,
      )
      bad.push(
        `${mine}/${'x'.repeat(129)}`,
        `${mine}/${'x/'.repeat(300)}x`,
        `${mine}/CON:`,
        `${mine}/a?b`,
        `${mine}/a#b`,
        '__proto__/a',
      )
      for (const key of bad) {
        const refusal = { code: 'invalid-request', details: { field: 'key' } }
        await expect(blobs.put(key, Buffer.from('x'), pdf), JSON.stringify(key)).rejects.toMatchObject(refusal)
        await expect(blobs.get(key)).rejects.toMatchObject(refusal)
        await expect(blobs.head(key)).rejects.toMatchObject(refusal)
        await expect(blobs.remove(key)).rejects.toMatchObject(refusal)
        await expect(blobs.signedUrl(key, { expiresInMs: 60_000, baseUrl: '' })).rejects.toMatchObject(refusal)
      }
      for (const prefix of ['', mine, mine.slice(0, 8), `${mine}/../`, `${mine}/./`, `../${mine}/`])
        await expect(blobs.list(prefix), prefix).rejects.toMatchObject({ details: { field: 'prefix' } })
      for (const filename of ['', 'a\nb', 'a\0', '\ud800', 'x'.repeat(256)])
        await expect(blobs.put(`${mine}/x`, Buffer.from('x'), { ...pdf, filename })).rejects.toMatchObject({
          details: { field: 'filename' },
        })
      await expect(blobs.put(`${mine}/x`, Buffer.from('x'), { contentType: 'a\r\nb: c' })).rejects.toMatchObject({
        details: { field: 'contentType' },
      })
    })

    it('keeps names of any script as they are', async () => {
      const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text))
      await fc.assert(
        fc.asyncProperty(name, async (filename) => {
          await blobs.put(`${mine}/named`, Buffer.from('x'), { ...pdf, filename })
          expect((await blobs.head(`${mine}/named`))!.filename).toBe(filename)
        }),
        { numRuns: 25 },
      )
    })

    it('says that it can be written to', async () => {
      expect(await blobs.check()).toBeUndefined()
    })

    it('signs URLs for a second to seven days', async () => {
      const sign = (expiresInMs: number) => blobs.signedUrl(`${mine}/a`, { expiresInMs, baseUrl: 'https://x.test' })
      for (const expiresInMs of [0, 999, 7 * 86_400_000 + 1, Number.NaN, -1])
        await expect(sign(expiresInMs)).rejects.toMatchObject({ details: { field: 'expiresInMs' } })
      expect(URL.canParse(await sign(1000))).toBe(true)
      now += 1
    })
  })

describe.skipIf(!blobKinds.includes('s3'))('blobs on s3 alone (needs PARLEY_TEST_S3_ENDPOINT)', () => {
  let store: TestBlobs
  beforeAll(async () => {
    store = await freshBlobs('s3')
  })
  afterAll(() => store?.remove())

  it('signs URLs that S3 serves itself, under the name that was asked for, until they expire', async () => {
    await store.blobs.put(`${mine}/a.pdf`, Buffer.from('hello'), pdf)
    const url = await store.blobs.signedUrl(`${mine}/a.pdf`, {
      expiresInMs: 60_000,
      baseUrl: '',
      filename: '대화 (1).pdf',
    })
    expect(url.startsWith(store.s3!.endpoint)).toBe(true)
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
    expect(answer.headers.get('content-disposition')).toContain(
      `filename*=UTF-8''${encodeURIComponent('대화 ')}%281%29.pdf`,
    )
    const stored = await fetch(await store.blobs.signedUrl(`${mine}/a.pdf`, { expiresInMs: 60_000, baseUrl: '' }))
    await stored.text()
    expect(stored.headers.get('content-disposition')).toContain('attachment')
    const other = new URL(url)
    other.pathname = other.pathname.replace('a.pdf', 'b.pdf')
    expect((await fetch(other)).status).toBe(403)
  })

  it('refuses those who sign with another key, as a defect that nobody is told of', async () => {
    const { openBlobs } = await import('./index.ts')
    const s3 = { ...store.s3!, secretAccessKey: 'wrong' }
    const wrong = await openBlobs({ folder: '', exclusive: false, secretKey: Buffer.alloc(32), now: Date.now, s3 })
    await expect(wrong.put(`${mine}/x`, Buffer.from('x'), pdf)).rejects.toMatchObject({ code: 'internal' })
    expect(await wrong.check()).toBe('The storage for blobs does not answer')
  })

  it('calls a storage that is away overloaded', async () => {
    const { openBlobs } = await import('./index.ts')
    const s3 = { ...store.s3!, endpoint: 'http://127.0.0.1:9' }
    const away = await openBlobs({ folder: '', exclusive: false, secretKey: Buffer.alloc(32), now: Date.now, s3 })
    await expect(away.get(`${mine}/x`)).rejects.toMatchObject({ code: 'overloaded' })
    expect(await away.check()).toBe('The storage for blobs does not answer')
  })
})

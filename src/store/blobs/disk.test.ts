import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Blobs, openBlobs } from './index.ts'

const key = '0199aaaa-0000-7000-8000-000000000001/a/b.pdf'
const pdf = { contentType: 'application/pdf' }

describe('blobs on disk', () => {
  let folder: string
  let now: number
  const open = (exclusive = true): Promise<Blobs> =>
    openBlobs({ folder, exclusive, secretKey: Buffer.alloc(32, 7), now: () => now })
  beforeEach(async () => {
    now = Date.now()
    folder = await mkdtemp(join(tmpdir(), 'parley-blobs-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const uploads = () => readdir(join(folder, '.uploads'))

  it('shows an upload only when it is whole', async () => {
    const blobs = await open()
    let goOn = () => {}
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let halfway = () => {}
    const half = new Promise<void>((resolve) => {
      halfway = resolve
    })
    async function* slowly() {
      yield Buffer.from('one ')
      halfway()
      await waiting
      yield Buffer.from('two')
    }
    const putting = blobs.put(key, slowly(), pdf)
    await half
    expect(await blobs.head(key)).toBeUndefined()
    expect((await blobs.list(`${key.split('/')[0]}/`)).items).toEqual([])
    expect(await uploads()).toHaveLength(1)
    goOn()
    await putting
    expect((await blobs.head(key))!.size).toBe(7)
    expect(await uploads()).toEqual([])
  })

  it('removes at its start what uploads left behind: all of it when it is alone, else what nobody writes any more', async () => {
    await open()
    const leave = async (name: string, ageMs: number) => {
      const path = join(folder, '.uploads', name)
      await writeFile(path, 'half a blob')
      await utimes(path, (now - ageMs) / 1000, (now - ageMs) / 1000)
    }
    await leave('fresh', 0)
    await leave('old', 3_700_000)
    await open(false)
    expect(await uploads()).toEqual(['fresh'])
    await open()
    expect(await uploads()).toEqual([])
  })

  it('lets a reader finish what was replaced or removed meanwhile', async () => {
    const blobs = await open()
    await blobs.put(key, Buffer.alloc(300_000, 'a'), pdf)
    const { stream } = (await blobs.get(key))!
    await blobs.put(key, Buffer.from('new'), pdf)
    await blobs.remove(key)
    expect(Buffer.concat(await stream.toArray()).equals(Buffer.alloc(300_000, 'a'))).toBe(true)
  })

  it('signs URLs of our own route that hold for their key, name and time only', async () => {
    const blobs = await open()
    const url = new URL(
      await blobs.signedUrl(key, { expiresInMs: 60_000, baseUrl: 'https://chat.test', filename: '대화 & co.pdf' }),
    )
    expect(url.origin + url.pathname).toBe(`https://chat.test/blobs/${key}`)
    const parts = Object.fromEntries(url.searchParams) as { expires: string; signature: string; filename: string }
    expect(parts.filename).toBe('대화 & co.pdf')
    blobs.checkSigned(key, parts)
    const forged = 'This link is not valid'
    const { filename: _, ...nameless } = parts
    expect(() => blobs.checkSigned(`${key}x`, parts)).toThrow(forged)
    expect(() => blobs.checkSigned(key, nameless)).toThrow(forged)
    expect(() => blobs.checkSigned(key, { ...parts, filename: 'other.pdf' })).toThrow(forged)
    expect(() => blobs.checkSigned(key, { ...parts, expires: String(Number(parts.expires) + 1) })).toThrow(forged)
    for (const signature of ['', 'x', parts.signature.slice(1), `${parts.signature}=`, 'é'.repeat(43)])
      expect(() => blobs.checkSigned(key, { ...parts, signature })).toThrow(forged)
    now += 59_000
    blobs.checkSigned(key, parts)
    now += 1_001
    expect(() => blobs.checkSigned(key, parts)).toThrow('This link has expired')
    expect(() => blobs.checkSigned(key, { ...parts, signature: 'x' })).toThrow(forged)
    const other = await openBlobs({ folder, exclusive: false, secretKey: Buffer.alloc(32, 8), now: () => 0 })
    expect(() => other.checkSigned(key, parts)).toThrow(forged)
  })
})

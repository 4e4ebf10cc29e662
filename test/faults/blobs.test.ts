import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openBlobs } from '#store/blobs/index.ts'

const key = '0199aaaa-0000-7000-8000-000000000001/a.bin'
const limitable = spawnSync('prlimit', ['--version']).status === 0

/** A process of its own that opens the store in `folder` and runs `body`, which has `blobs` and `key`. */
function spawnWriter(folder: string, body: string) {
  const script = `
    import { openBlobs } from '#store/blobs/index.ts'
    const key = ${JSON.stringify(key)}
    const options = { folder: ${JSON.stringify(folder)}, exclusive: true, secretKey: Buffer.alloc(32), now: Date.now }
    const blobs = await openBlobs(options)
    ${body}`
  return ['--input-type=module-typescript', '--eval', script]
}

describe('blobs on disk', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-blobs-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const open = () => openBlobs({ folder, exclusive: true, secretKey: Buffer.alloc(32), now: Date.now })
  const uploads = () => readdir(join(folder, '.uploads'))

  it('show nothing of an upload that a kill -9 cut off, and the next start removes it', async () => {
    const before = await open()
    await before.put(key, Buffer.from('before'), { contentType: 'text/plain' })
    const child = spawn(
      process.execPath,
      spawnWriter(
        folder,
        `async function* endless() {
           yield Buffer.alloc(1_000_000)
           console.log('half')
           await new Promise((resolve) => setInterval(resolve, 1e9))
         }
         await blobs.put(key, endless(), { contentType: 'text/plain' })`,
      ),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    expect(await uploads()).toHaveLength(1)
    const blobs = await open()
    expect(await uploads()).toEqual([])
    const { stream } = (await blobs.get(key))!
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('before')
  })

  it.skipIf(!limitable)('refuse what does not fit on the disk, and leave nothing behind (needs prlimit)', async () => {
    const body = `
      await blobs.put(key, Buffer.from('fits'), { contentType: 'text/plain' })
      const refused = await blobs.put(key, Buffer.alloc(5_000_000), { contentType: 'text/plain' }).catch((error) => error)
      const { stream } = await blobs.get(key)
      console.log(JSON.stringify([refused.code, refused.message, String(Buffer.concat(await stream.toArray()))]))`
    const limited = ['--fsize=1000000', process.execPath, ...spawnWriter(folder, body)]
    const { stdout, stderr } = spawnSync('prlimit', limited, { encoding: 'utf8' })
    expect(stderr.replaceAll(/^.*(ExperimentalWarning|--trace-warnings).*$/gm, '').trim()).toBe('')
    expect(JSON.parse(stdout)).toEqual(['overloaded', 'The server cannot write to its disk now', 'fits'])
    expect(await uploads()).toEqual([])
    const [file] = await readdir(join(folder, key.split('/')[0]!))
    expect(String(await readFile(join(folder, key.split('/')[0]!, file!)))).toBe('{"contentType":"text/plain"}\nfits')
  })
})

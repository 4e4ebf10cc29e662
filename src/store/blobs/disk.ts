import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError, invalid } from '#errors/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Blob, BlobInfo, BlobRange, Blobs, PutOptions } from './blobs.ts'
import { listFiles } from './disk-list.ts'
import { type FileHead, headBytes, readHead } from './file-head.ts'
import { checkKey, checkList, checkPut, fileEnding } from './key.ts'
import type { urlSigner } from './signed-url.ts'

interface DiskOptions {
  folder: string
  exclusive: boolean
  signer: ReturnType<typeof urlSigner>
  now(): number
}

/** Uploads lie here until they are whole: no key begins with a dot. */
const uploadsFolder = '.uploads'
/** An upload that was not written to for so long has nobody who will end it. */
const abandonedMs = 3_600_000

/** Blobs as files under `folder`: written aside, synced, then renamed into place, so that a crash shows all or nothing. */
export async function openDisk(options: DiskOptions): Promise<Blobs> {
  const { signer } = options
  const folder = resolve(options.folder)
  const uploads = join(folder, uploadsFolder)
  await mkdir(uploads, { recursive: true, mode: 0o700 })
  await removeLeftovers()

  async function removeLeftovers(): Promise<void> {
    const before = options.now() - abandonedMs
    for (const name of await readdir(uploads)) {
      const path = join(uploads, name)
      if (options.exclusive || (await stat(path)).mtimeMs < before) await removeFile(path)
    }
  }

  const pathOf = (key: string) => join(folder, `${key}${fileEnding}`)

  async function put(key: string, source: AsyncIterable<Uint8Array> | Uint8Array, putOptions: PutOptions) {
    checkKey(key)
    checkPut(putOptions)
    const upload = join(uploads, uuidv7(options.now()))
    const written = await onDisk(async () => {
      const file = await open(upload, 'wx', 0o600)
      try {
        const figures = await writeAll(file, source, putOptions)
        await file.datasync()
        return figures
      } finally {
        await file.close()
      }
    }).catch(async (thrown) => {
      await removeFile(upload)
      throw thrown
    })
    try {
      await onDisk(() => moveInto(upload, pathOf(key)))
    } catch (thrown) {
      await removeFile(upload)
      throw thrown
    }
    return written
  }

  async function moveInto(upload: string, path: string): Promise<void> {
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await rename(upload, path)
    // The names are durable only when the folders that hold them are.
    for (let at = dirname(path); ; at = dirname(at)) {
      await syncFolder(at)
      if (made === undefined || at.length < made.length) break
    }
  }

  async function openFile(key: string): Promise<{ file: FileHandle; head: FileHead; info: BlobInfo } | undefined> {
    checkKey(key)
    const file = await open(pathOf(key), 'r').catch(absent)
    if (!file) return undefined
    try {
      const head = await readHead(file)
      const { size, mtimeMs } = await file.stat()
      const bytes = size - head.length
      const { contentType, filename } = head
      const etag = `${bytes.toString(16)}-${Math.round(mtimeMs * 1000).toString(16)}`
      return { file, head, info: { size: bytes, contentType, etag, ...(filename !== undefined && { filename }) } }
    } catch (thrown) {
      await file.close()
      throw thrown
    }
  }

  async function get(key: string, { range }: { range?: BlobRange } = {}): Promise<Blob | undefined> {
    const opened = await openFile(key)
    if (!opened) return undefined
    const { file, head, info } = opened
    const start = range?.start ?? 0
    const end = Math.min(range?.end ?? Number.POSITIVE_INFINITY, info.size - 1)
    if (range && (start < 0 || start > end)) {
      await file.close()
      throw invalid('range', 'The range lies outside the blob')
    }
    // A stream cannot be told to end before it begins, which is what an empty blob is.
    const bounds = info.size === 0 ? { start: head.length } : { start: head.length + start, end: head.length + end }
    return { ...info, stream: file.createReadStream(bounds) }
  }

  async function head(key: string): Promise<BlobInfo | undefined> {
    const opened = await openFile(key)
    await opened?.file.close()
    return opened?.info
  }

  return {
    kind: 'disk',
    put,
    get,
    head,
    async remove(key) {
      checkKey(key)
      await removeFile(pathOf(key))
    },
    async list(prefix, listOptions = {}) {
      const { limit } = checkList(prefix, listOptions)
      return listFiles(folder, prefix, limit, listOptions.after)
    },
    async signedUrl(key, signOptions) {
      checkKey(key)
      return signer.sign(key, signOptions)
    },
    checkSigned: signer.check,
    async check() {
      try {
        await access(uploads, constants.W_OK)
        return undefined
      } catch {
        return 'The folder for blobs cannot be written to'
      }
    },
  }
}

async function writeAll(file: FileHandle, source: AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions) {
  const hash = createHash('sha256')
  let size = 0
  await writeChunk(file, headBytes(options))
  for await (const chunk of source instanceof Uint8Array ? [source] : source) {
    hash.update(chunk)
    size += chunk.length
    await writeChunk(file, chunk)
  }
  return { size, sha256: hash.digest('hex') }
}

/** A write may take less than it was given, as when the disk has room for only a part. */
async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch(absent)
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== 'ENOENT' && thrown.code !== 'ENOTDIR') throw thrown
}

const cannotWrite = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS', 'EMFILE', 'ENFILE'])

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (syscall === undefined || code === undefined || !cannotWrite.has(code)) throw cause
    throw new AppError('overloaded', 'The server cannot write to its disk now', { cause })
  }
}

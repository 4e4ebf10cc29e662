import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobPage } from './blobs.ts'
import { readHead } from './file-head.ts'
import { fileEnding } from './key.ts'

/** The first `limit` keys with `prefix`, in the order of their bytes as S3 has them, which is not that of folders. */
export async function listFiles(folder: string, prefix: string, limit: number, after = ''): Promise<BlobPage> {
  const items: BlobPage['items'] = []
  const from = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  for await (const key of keysUnder(folder, from, prefix, after)) {
    if (items.length === limit) return { items, next: items.at(-1)!.key }
    const figures = await figuresOf(join(folder, `${key}${fileEnding}`))
    if (figures) items.push({ key, ...figures })
  }
  return { items }
}

/** `base` is empty or ends with a slash. */
async function* keysUnder(folder: string, base: string, prefix: string, after: string): AsyncGenerator<string> {
  const entries = await readdir(join(folder, base), { withFileTypes: true }).catch(() => [])
  const names = entries.flatMap((entry) => {
    if (entry.isDirectory()) return [`${base}${entry.name}/`]
    return entry.name.endsWith(fileEnding) ? [`${base}${entry.name.slice(0, -fileEnding.length)}`] : []
  })
  for (const name of names.sort(byBytes)) {
    const isFolder = name.endsWith('/')
    const wanted = name.startsWith(prefix) || (isFolder && prefix.startsWith(name))
    if (!wanted || (isFolder ? isBefore(name, after) : byBytes(name, after) <= 0)) continue
    if (isFolder) yield* keysUnder(folder, name, prefix, after)
    else yield name
  }
}

/** Whether all that lies in a folder sorts before a key. */
function isBefore(folder: string, key: string): boolean {
  return byBytes(folder, key) < 0 && !key.startsWith(folder)
}

/** Keys are ASCII. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Undefined when it is gone by now. */
async function figuresOf(path: string): Promise<{ size: number; modifiedAtMs: number } | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return undefined
  try {
    const { size, mtimeMs } = await file.stat()
    return { size: size - (await readHead(file)).length, modifiedAtMs: mtimeMs }
  } finally {
    await file.close()
  }
}

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'

/** pdftotext and pdftoppm of Debian's poppler-utils; tests that need them are left out without. */
export const hasPoppler = spawnSync('pdftotext', ['-v']).status === 0
export const needsPoppler = '(needs pdftotext of poppler-utils)'

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** The text as another program reads it; without the marks that pdftotext puts around what runs from right to left. */
export function textOf(pdf: Buffer, ...options: string[]): string {
  return poppler('pdftotext', pdf, [...options], ['-'])
    .toString()
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
}

/** A page as gray pixels, row by row, from white (255) to black (0). */
export function pixelsOf(
  pdf: Buffer,
  pageNumber: number,
  dpi: number,
): { width: number; height: number; pixels: Buffer } {
  const range = ['-f', String(pageNumber), '-l', String(pageNumber), '-r', String(dpi), '-gray']
  const pgm = poppler('pdftoppm', pdf, range, [])
  const [header, width, height] = /^P5\s(\d+)\s(\d+)\s255\s/.exec(pgm.toString('latin1', 0, 64))!
  return { width: Number(width), height: Number(height), pixels: pgm.subarray(header!.length) }
}

/** What it says on stderr about a broken file is a failure too. */
function poppler(program: string, pdf: Buffer, before: string[], after: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'parley-pdf-'))
  try {
    const file = join(folder, 'a.pdf')
    const errors = join(folder, 'errors')
    writeFileSync(file, pdf)
    const command = [program, ...before, file, ...after].map((word) => `'${word}'`).join(' ')
    const out = execFileSync('sh', ['-c', `${command} 2>'${errors}'`], { maxBuffer: 1 << 30 })
    const said = readFileSync(errors, 'utf8')
    if (said !== '') throw new Error(`${program}: ${said}`)
    return out
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface PdfObject {
  body: string
  /** Inflated. */
  stream?: string
}

/** Every object, found by its entry in the table of references, which must be right for all. */
export function objectsOf(pdf: Buffer): Map<number, PdfObject> {
  const text = pdf.toString('latin1')
  const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(text)![1])
  const [, size] = /^xref\n0 (\d+)\n/.exec(text.slice(start, start + 64))!
  const rows = text.slice(text.indexOf('\n', start + 5) + 1).split('\n')
  const objects = new Map<number, PdfObject>()
  for (let id = 1; id < Number(size); id++) {
    const offset = Number(rows[id]!.slice(0, 10))
    if (!text.startsWith(`${id} 0 obj\n`, offset)) throw new Error(`object ${id} is not at ${offset}`)
    const end = text.indexOf('\nendobj', offset)
    const body = text.slice(offset + `${id} 0 obj\n`.length, end)
    const at = body.indexOf('stream\n')
    const length = Number(/\/Length (\d+)>>/.exec(body)?.[1])
    if (at < 0 || Number.isNaN(length)) objects.set(id, { body })
    else {
      const from = offset + `${id} 0 obj\n`.length + at + 'stream\n'.length
      const data = inflateSync(pdf.subarray(from, from + length)).toString('latin1')
      objects.set(id, { body: body.slice(0, at), stream: data })
    }
  }
  return objects
}

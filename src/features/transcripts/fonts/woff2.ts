import { brotliDecompressSync } from 'node:zlib'
import { glyphTables } from './woff2-glyphs.ts'

/** Tags that WOFF2 writes as a number. */
const knownTags = (
  'cmap head hhea hmtx maxp name OS/2 post cvt_ fpgm glyf loca prep CFF_ VORG EBDT EBLC gasp hdmx kern LTSH PCLT VDMX ' +
  'vhea vmtx BASE GDEF GPOS GSUB EBSC JSTF MATH CBDT CBLC COLR CPAL SVG_ sbix acnt avar bdat bloc bsln cvar fdsc feat ' +
  'fmtx fvar gvar hsty just lcar mort morx opbd prop trak Zapf Silf Glat Gloc Feat Sill'
)
  .split(' ')
  .map((tag) => tag.replace('_', ' '))
const otherTag = 63
const headerLength = 48

interface Entry {
  tag: string
  length: number
  transformed: boolean
}

/**
 * A WOFF2 file → the same font as an sfnt file, without the tables in `without`. Made for files of packages that we
 * chose: throws on what is none, but is no defence against a hostile one.
 *
 * Our own, because the WebAssembly decoders keep the memory of their largest file for good, which is 100 MB for emoji.
 */
export function decodeWoff2(file: Buffer, without: ReadonlySet<string> = new Set()): Buffer<ArrayBuffer> {
  if (file.toString('latin1', 0, 4) !== 'wOF2') throw new Error('Not a WOFF2 file')
  const { entries, end } = readDirectory(file)
  const size = entries.reduce((sum, { length }) => sum + length, 0)
  // In one piece: otherwise it is put together from many, and takes twice the memory.
  const data = brotliDecompressSync(file.subarray(end, end + file.readUInt32BE(20)), { chunkSize: Math.max(size, 64) })
  const tables = new Map<string, Buffer>()
  const transformed = new Set<string>()
  let at = 0
  for (const { tag, length, transformed: isTransformed } of entries) {
    tables.set(tag, data.subarray(at, at + length))
    if (isTransformed) transformed.add(tag)
    at += length
  }
  if (transformed.has('glyf')) {
    const made = glyphTables(tables.get('glyf')!)
    tables.set('glyf', made.glyf)
    tables.set('loca', made.loca)
    const head = Buffer.from(tables.get('head')!)
    // The offsets of `loca` are always long here.
    head.writeInt16BE(1, 50)
    tables.set('head', head)
    if (transformed.has('hmtx')) tables.set('hmtx', metrics(tables, made.xMins))
  }
  for (const tag of without) tables.delete(tag)
  const font = sfnt(file.readUInt32BE(4), tables)
  release(data)
  return font
}

/** Gives back the memory of a buffer that nobody will use again, without waiting for the collector to see that. */
export function release(buffer: Uint8Array): void {
  // Small ones share a pool.
  const memory = buffer.buffer
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.byteLength) memory.transfer(0)
}

function readDirectory(file: Buffer): { entries: Entry[]; end: number } {
  const entries: Entry[] = []
  let at = headerLength
  const base128 = () => {
    let value = 0
    for (;;) {
      const byte = file[at++]!
      value = value * 128 + (byte & 0x7f)
      if (byte < 0x80) return value
    }
  }
  for (let count = file.readUInt16BE(12); count > 0; count--) {
    const flags = file[at++]!
    let tag = knownTags[flags & 0x3f]
    if ((flags & 0x3f) === otherTag) {
      tag = file.toString('latin1', at, at + 4)
      at += 4
    }
    const version = flags >> 6
    // For these two the version that means "as it was" is 3, for all others 0.
    const transformed = tag === 'glyf' || tag === 'loca' ? version !== 3 : version !== 0
    const length = base128()
    entries.push({ tag: tag!, length: transformed ? base128() : length, transformed })
  }
  return { entries, end: at }
}

/** `hmtx` without the side bearings that are the glyphs' own left edges → the whole of it. */
function metrics(tables: Map<string, Buffer>, xMins: Int16Array): Buffer {
  const source = tables.get('hmtx')!
  const withAdvance = tables.get('hhea')!.readUInt16BE(34)
  const hmtx = Buffer.alloc(withAdvance * 4 + (xMins.length - withAdvance) * 2)
  const flags = source[0]!
  let at = 1 + withAdvance * 2
  for (let glyph = 0; glyph < xMins.length; glyph++) {
    const omitted = glyph < withAdvance ? flags & 1 : flags & 2
    let bearing = xMins[glyph]!
    if (!omitted) {
      bearing = source.readInt16BE(at)
      at += 2
    }
    if (glyph < withAdvance) {
      hmtx.writeUInt16BE(source.readUInt16BE(1 + glyph * 2), glyph * 4)
      hmtx.writeInt16BE(bearing, glyph * 4 + 2)
    } else hmtx.writeInt16BE(bearing, withAdvance * 4 + (glyph - withAdvance) * 2)
  }
  return hmtx
}

/** Tables → a font file. Checksums stay 0: nobody who reads these looks at them. */
export function sfnt(flavor: number, tables: ReadonlyMap<string, Uint8Array>): Buffer<ArrayBuffer> {
  const sorted = [...tables].sort(([a], [b]) => (a < b ? -1 : 1))
  const directory = Buffer.alloc(12 + sorted.length * 16)
  const power = 2 ** Math.floor(Math.log2(sorted.length))
  directory.writeUInt32BE(flavor, 0)
  directory.writeUInt16BE(sorted.length, 4)
  directory.writeUInt16BE(power * 16, 6)
  directory.writeUInt16BE(Math.log2(power), 8)
  directory.writeUInt16BE((sorted.length - power) * 16, 10)
  const parts: Uint8Array[] = [directory]
  let offset = directory.length
  for (const [at, [tag, table]] of sorted.entries()) {
    directory.write(tag, 12 + at * 16, 'latin1')
    directory.writeUInt32BE(offset, 12 + at * 16 + 8)
    directory.writeUInt32BE(table.length, 12 + at * 16 + 12)
    const padding = -table.length & 3
    parts.push(table, Buffer.alloc(padding))
    offset += table.length + padding
  }
  return Buffer.concat(parts)
}

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** As far as it is used here; without the DOM TypeScript does not know it. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: unknown
  }
}

/** What HarfBuzz's subsetter exports; see hb-subset.h. Everything is a number: pointers, tags, counts. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer }
  _initialize(): void
  malloc(size: number): number
  free(pointer: number): void
  hb_blob_create(data: number, length: number, mode: number, userData: number, destroy: number): number
  hb_blob_destroy(blob: number): void
  hb_blob_get_data(blob: number, length: number): number
  hb_blob_get_length(blob: number): number
  hb_face_create(blob: number, index: number): number
  hb_face_destroy(face: number): void
  hb_face_reference_blob(face: number): number
  hb_set_add(set: number, value: number): void
  hb_subset_input_create_or_fail(): number
  hb_subset_input_destroy(input: number): void
  hb_subset_input_glyph_set(input: number): number
  hb_subset_input_set(input: number, which: number): number
  hb_subset_input_set_flags(input: number, flags: number): void
  hb_subset_input_pin_axis_location(input: number, face: number, tag: number, value: number): number
  hb_subset_or_fail(face: number, input: number): number
}

const flags = { noHinting: 0x1, retainGlyphIds: 0x2, notdefOutline: 0x40, noLayoutClosure: 0x200 }
const droppedTables = 3
const writableMode = 2

/** Tables that a viewer does not read of a font in a PDF. */
const dropped = ['GSUB', 'GPOS', 'GDEF', 'BASE', 'cmap', 'kern', 'VORG', 'JSTF', 'MATH']

/** Compiled once a document; its memory grows to the largest font that went through it. */
export function subsetter() {
  const path = createRequire(import.meta.url).resolve('harfbuzzjs/dist/harfbuzz-subset.wasm')
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)))
  const hb = exports as Exports
  hb._initialize()

  /** Only these glyphs of a font, under their old numbers, at one point of its weight axis. */
  function subset(font: Uint8Array, glyphs: Iterable<number>, weight?: number): Buffer {
    const data = hb.malloc(font.length)
    new Uint8Array(hb.memory.buffer).set(font, data)
    const blob = hb.hb_blob_create(data, font.length, writableMode, 0, 0)
    const face = hb.hb_face_create(blob, 0)
    hb.hb_blob_destroy(blob)
    const input = hb.hb_subset_input_create_or_fail()
    const wanted = hb.hb_subset_input_glyph_set(input)
    for (const glyph of glyphs) hb.hb_set_add(wanted, glyph)
    const tables = hb.hb_subset_input_set(input, droppedTables)
    for (const tag of dropped) hb.hb_set_add(tables, tagNumber(tag))
    const { noHinting, retainGlyphIds, notdefOutline, noLayoutClosure } = flags
    hb.hb_subset_input_set_flags(input, noHinting | retainGlyphIds | notdefOutline | noLayoutClosure)
    if (weight !== undefined) hb.hb_subset_input_pin_axis_location(input, face, tagNumber('wght'), weight)
    const made = hb.hb_subset_or_fail(face, input)
    hb.hb_subset_input_destroy(input)
    hb.hb_face_destroy(face)
    if (made === 0) throw new Error('The font could not be cut down')
    const result = hb.hb_face_reference_blob(made)
    const at = hb.hb_blob_get_data(result, 0)
    const bytes = Buffer.from(new Uint8Array(hb.memory.buffer, at, hb.hb_blob_get_length(result)))
    hb.hb_blob_destroy(result)
    hb.hb_face_destroy(made)
    hb.free(data)
    return bytes
  }

  return { subset }
}

function tagNumber(tag: string): number {
  return Buffer.from(tag, 'latin1').readInt32BE(0)
}

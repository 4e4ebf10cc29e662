import type { HanForms } from '../fonts/catalog.ts'

/**
 * Which forms of Han characters a text wants, or undefined when nothing in it tells. Hangul and kana speak for Korean and
 * Japanese; between the Chinese ones decide the characters that only one of their two old standard sets has.
 */
export function hanForms(text: string): HanForms | undefined {
  if (!/[\u3040-\u30ff\u3100-\u312f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]/.test(text)) return undefined
  if (/[\u3040-\u30ff]/.test(text)) {
    const kana = count(text, /[\u3040-\u30ff]/g)
    return kana >= count(text, /[\uac00-\ud7a3]/g) ? 'japanese' : 'korean'
  }
  if (/[\uac00-\ud7a3]/.test(text)) return 'korean'
  let simplified = 0
  let traditional = 0
  for (const character of text.slice(0, 20_000)) {
    if (character < '\u4e00' || character > '\u9fff') continue
    const inSimplified = simplifiedSet().has(character)
    const inTraditional = traditionalSet().has(character)
    if (inSimplified && !inTraditional) simplified++
    if (inTraditional && !inSimplified) traditional++
  }
  return simplified === traditional ? undefined : simplified > traditional ? 'simplified' : 'traditional'
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** The characters of GB 2312 and of Big5, which Node's decoders know by heart. */
const simplifiedSet = once(() => decoded('gbk', 0xb0, 0xf7, [[0xa1, 0xfe]]))
const traditionalSet = once(() =>
  decoded('big5', 0xa4, 0xf9, [
    [0x40, 0x7e],
    [0xa1, 0xfe],
  ]),
)

function decoded(encoding: string, firstLead: number, lastLead: number, trails: [number, number][]): Set<string> {
  const bytes: number[] = []
  for (let lead = firstLead; lead <= lastLead; lead++)
    for (const [first, last] of trails) for (let trail = first; trail <= last; trail++) bytes.push(lead, trail)
  return new Set(new TextDecoder(encoding).decode(Uint8Array.from(bytes)))
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

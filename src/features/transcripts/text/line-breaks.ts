/**
 * Where a line may end: 1 at index i means before character i. The rules of UAX 14 that matter for chats, by hand: the
 * libraries for it know Unicode of ten years ago. Lines that must end (`\n`) are the caller's.
 */
export function breakOpportunities(text: string): Uint8Array {
  const breaks = new Uint8Array(text.length + 1)
  let before: Class = 'start'
  let flags = 0
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at)!
    const now = codePoint < 0x80 ? asciiClasses[codePoint]! : classOf(codePoint)
    if (now === 'letter' && before === 'letter') {
      at++
      if (codePoint > 0xffff) at++
      continue
    }
    const length = codePoint > 0xffff ? 2 : 1
    if (now === 'attached') {
      // A mark belongs to what it stands on; after a joiner also what follows belongs to it.
      if (codePoint === 0x200d) before = 'joined'
      at += length
      continue
    }
    if (mayBreak(before, now, text, at)) breaks[at] = 1
    if (now === 'flag') {
      flags++
      if (flags % 2 === 0) breaks[at] = 0
    } else flags = 0
    // After `。` a line may end, before it none may begin.
    before = now === 'close' && codePoint >= 0x3000 ? 'ideograph' : now
    at += length
  }
  if (/[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f]/.test(text))
    addWords(text, breaks)
  return breaks
}

type Class =
  | 'start'
  | 'letter'
  | 'digit'
  | 'space'
  | 'zero-width-space'
  | 'glue'
  | 'attached'
  | 'joined'
  | 'ideograph'
  | 'flag'
  | 'open'
  | 'close'
  | 'hyphen'
  | 'dash'
  | 'slash'

const opening = new Set('([{¿¡‘“«‹（［｛「『【〔〈《〖〘〚｢⟨⟪')
const closing = new Set(
  ')]}’”»›!?,.;:%…‥、。，．！？：；）］｝」』】〕〉》〗〙〛｣ー々ゝゞヽヾ゛゜・：；℃°′″‰⟩⟫ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ',
)

function mayBreak(before: Class, now: Class, text: string, at: number): boolean {
  if (before === 'start' || before === 'glue' || now === 'glue' || before === 'joined') return false
  if (now === 'space' || now === 'zero-width-space' || now === 'close') return false
  if (before === 'space' || before === 'zero-width-space') return true
  if (before === 'open') return false
  // Between a flag's two halves as well; the caller mends that.
  if (isWide(before) || isWide(now)) return now !== 'hyphen' && now !== 'dash' && now !== 'slash'
  if (before === 'dash') return now !== 'dash'
  // `-1` and `2026-11-21` stay whole, `well-known` does not.
  if (before === 'hyphen') return now === 'letter' && isWordBefore(text, at - 2)
  if (before === 'slash') return (now === 'letter' || now === 'digit') && text[at - 2] !== '/'
  return false
}

function isWide(one: Class): boolean {
  return one === 'ideograph' || one === 'flag'
}

function isWordBefore(text: string, at: number): boolean {
  return at >= 0 && /[\p{L}\p{N}\p{M}]/u.test(text[at]!)
}

function classOf(codePoint: number): Class {
  if (codePoint === 0xa0 || codePoint === 0x2060 || codePoint === 0x202f || codePoint === 0xfeff) return 'glue'
  if (codePoint === 0x2011) return 'glue'
  // What separates words: the visible spaces, and the places where a word may be divided.
  if (codePoint === 0x200b || codePoint === 0xad) return 'zero-width-space'
  if (codePoint === 0x1680 || (codePoint >= 0x2000 && codePoint <= 0x200a) || codePoint === 0x205f) return 'space'
  if (codePoint === 0x3000) return 'space'
  if (codePoint === 0x2010 || codePoint === 0x2013) return 'hyphen'
  if (codePoint === 0x2014) return 'dash'
  const character = String.fromCodePoint(codePoint)
  if (opening.has(character)) return 'open'
  if (closing.has(character)) return 'close'
  if (codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff) return 'flag'
  if (codePoint >= 0x300 && /^(?:\p{M}|\p{EMod}|\u200c|\u200d|[\u{e0020}-\u{e007f}])$/u.test(character))
    return 'attached'
  return isIdeographic(codePoint) ? 'ideograph' : 'letter'
}

/** Scripts that are written without spaces, and pictures: a line may end between any two. */
function isIdeographic(codePoint: number): boolean {
  return (
    (codePoint >= 0x2e80 && codePoint <= 0x2fff) ||
    (codePoint >= 0x3003 && codePoint <= 0x33ff) ||
    (codePoint >= 0x3400 && codePoint <= 0x4dbf) ||
    (codePoint >= 0x4e00 && codePoint <= 0xa4cf) ||
    (codePoint >= 0xac00 && codePoint <= 0xd7a3) ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0xff02 && codePoint <= 0xffdc) ||
    (codePoint >= 0x1f000 && codePoint <= 0x1faff) ||
    (codePoint >= 0x20000 && codePoint <= 0x3fffd)
  )
}

const asciiClasses: Class[] = Array.from({ length: 0x80 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (character === ' ' || character === '\t' || character === '\n') return 'space'
  if (character >= '0' && character <= '9') return 'digit'
  if (opening.has(character)) return 'open'
  if (closing.has(character)) return 'close'
  if (character === '-') return 'hyphen'
  if (character === '/' || character === '&' || character === '=' || character === '|') return 'slash'
  return 'letter'
})

const words = new Intl.Segmenter('und', { granularity: 'word' })

/** Thai, Lao, Khmer and Burmese write no spaces between words; ICU knows their words. */
function addWords(text: string, breaks: Uint8Array): void {
  for (const { index, segment, isWordLike } of words.segment(text)) {
    const dictionary =
      isWordLike && /^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]/.test(segment)
    if (dictionary && index > 0 && !opening.has(text[index - 1]!)) breaks[index] = 1
  }
}

/**
 * UUIDv7 → 24 hexadecimal digits, for wires whose ids have that form: 48 bits of time, the 12-bit counter and the first
 * 36 random bits. Nothing is stored for it; `rangeOfShortId` finds the way back.
 */
export function shortId(uuid: string): string {
  const hex = uuid.replaceAll('-', '')
  const variant = Number.parseInt(hex[16]!, 16) & 0b11
  const random = variant * randomBits + Math.floor(Number.parseInt(hex.slice(17, 26), 16) / 4)
  return hex.slice(0, 12) + hex.slice(13, 16) + random.toString(16).padStart(9, '0')
}

const shape = /^[0-9a-f]{24}$/i

export function isShortId(text: string): boolean {
  return shape.test(text)
}

/** The least and the greatest UUIDv7 with this short id, to look for with `between`. */
export function rangeOfShortId(id: string): { least: string; greatest: string } {
  const text = id.toLowerCase()
  const random = Number.parseInt(text.slice(15), 16)
  const variant = (0b1000 + Math.floor(random / randomBits)).toString(16)
  const start = (random % randomBits) * 4
  return {
    least: uuidOf(text, variant, start, '000000'),
    greatest: uuidOf(text, variant, start + 3, 'ffffff'),
  }
}

/** What the bits behind the variant can say. */
const randomBits = 2 ** 34

function uuidOf(text: string, variant: string, random: number, rest: string): string {
  const digits = random.toString(16).padStart(9, '0')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-7${text.slice(12, 15)}-${variant}${digits.slice(0, 3)}-${digits.slice(3)}${rest}`
}

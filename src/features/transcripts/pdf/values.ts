/** Values as PDF writes them. Nothing that comes from a text is written but as a hexadecimal string. */

/** Two decimals, which is less than a printer can show, and never an exponent. Put together from integers: that is quicker. */
export function number(value: number): string {
  const hundredths = Math.round(value * 100)
  if (hundredths < 0) return `-${number(-value)}`
  if (!Number.isSafeInteger(hundredths)) return '0'
  const whole = Math.floor(hundredths / 100)
  const rest = hundredths - whole * 100
  if (rest === 0) return `${whole}`
  if (rest % 10 === 0) return `${whole}.${rest / 10}`
  return rest < 10 ? `${whole}.0${rest}` : `${whole}.${rest}`
}

export function numbers(values: readonly number[]): string {
  return values.map(number).join(' ')
}

/** A text string: UTF-16 with its byte order mark. */
export function textString(text: string): string {
  return `<feff${utf16Hex(text)}>`
}

export function utf16Hex(text: string): string {
  let hex = ''
  for (let at = 0; at < text.length; at++) hex += hex4(text.charCodeAt(at))
  return hex
}

/** ASCII for a URI; all else is percent-encoded by whoever made it one. */
export function asciiString(text: string): string {
  return `<${Buffer.from(text, 'latin1').toString('hex')}>`
}

export function reference(id: number): string {
  return `${id} 0 R`
}

export function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}

export function hex2(value: number): string {
  return value.toString(16).padStart(2, '0')
}

import { invalid } from '#errors/index.ts'
import { tooMuchJson } from '#lib/json-size.ts'

const mostOfFrame = { depth: 128, values: 100_000 }

/** A text frame → what it says. Throws `invalid-request` naming `frame`, before reading it when it holds more than `most`. */
export function parseJson(text: string, most: { depth: number; values: number } = mostOfFrame): unknown {
  const tooMuch = tooMuchJson(text, most)
  if (tooMuch) throw invalid('frame', `The frame ${tooMuch}`, 'malformed')
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('frame', 'The frame is not valid JSON', 'malformed')
  }
}

/** A text frame → the fields of the object in it. Throws as `parseJson` does. */
export function parseJsonObject(text: string): Record<string, unknown> {
  const frame = parseJson(text)
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame))
    throw invalid('frame', 'The frame must be a JSON object', 'malformed')
  return frame as Record<string, unknown>
}

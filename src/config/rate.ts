/** `count` requests per `perMs`, of which `burst` may come at once. */
export interface Rate {
  count: number
  perMs: number
  burst: number
}

const units: Record<string, number> = {
  s: 1000,
  sec: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  day: 86_400_000,
}
const shape = /^\s*(\d+)\s*\/\s*(s|sec|min|m|h|hour|day)\s*(?:burst\s+(\d+))?\s*$/

/** `20/min burst 5` → Rate; without `burst` the whole count may come at once. Undefined when it is not one. */
export function readRate(text: string): Rate | undefined {
  const match = shape.exec(text)
  if (!match) return undefined
  const count = Number(match[1])
  const burst = match[3] === undefined ? count : Number(match[3])
  if (count < 1 || burst < 1 || !Number.isSafeInteger(count)) return undefined
  return { count, perMs: units[match[2]!]!, burst }
}

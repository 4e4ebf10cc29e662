/** Whether arrays and objects lie deeper within each other than `most`: what recurses over them would not come back. */
export function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (most === 0) return true
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(item, most - 1))
  for (const name in value) if (isDeeperThan((value as Record<string, unknown>)[name], most - 1)) return true
  return false
}

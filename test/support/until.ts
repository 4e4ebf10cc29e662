import { setTimeout } from 'node:timers/promises'

/**
 * Looks until `look` gives something; for what tells of itself by no event. Rejects after half a minute with the last
 * thing seen, so that a test fails with more than a timeout.
 */
export async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = performance.now() + 25_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${look.toString()}`)
    await setTimeout(20)
  }
}

/** The few statistics that the tables need. */

/** A list of numbers that grows without boxing them. */
export class Samples {
  #values = new Float64Array(4096)
  count = 0

  add(value: number): void {
    if (this.count === this.#values.length) {
      const grown = new Float64Array(this.count * 2)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.count] = value
    this.count += 1
  }

  /** Percentiles by nearest rank; NaN when nothing was added. */
  percentiles(): Percentiles {
    const sorted = this.#values.subarray(0, this.count).sort()
    const at = (share: number) => sorted[Math.min(this.count - 1, Math.floor(share * this.count))] ?? Number.NaN
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
  }
}

export type Percentiles = { p50: number; p95: number; p99: number; max: number }

/** NaN for an empty list. */
export function median(values: number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median of one figure over several rounds. */
export function medianOf<T>(rounds: T[], figure: (round: T) => number): number {
  return median(rounds.map(figure))
}

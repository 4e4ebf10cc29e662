/** One line of the result table. */
export type Row = {
  measure: string
  unit: string
  baseline?: number[]
  subject: number[]
  /** How the subject compares with the baseline (`ratio`) or with the direct path (`added`). */
  comparison?: { kind: 'ratio' | 'added'; value: number }
  /** Judged on the comparison when there is one, else on the subject's figure. */
  target?: { bound: 'at-least' | 'at-most'; limit: number; aim?: number }
  /** Why the line proves nothing. */
  voids: string[]
  notes: string[]
}

/** The judged figure is the comparison, or the subject's own first figure. */
export function judgedValue(row: Row): number {
  return row.comparison?.value ?? row.subject[0] ?? Number.NaN
}

export function isMet(row: Row): boolean | undefined {
  if (!row.target || row.voids.length > 0) return undefined
  const value = judgedValue(row)
  return row.target.bound === 'at-least' ? value >= row.target.limit : value <= row.target.limit
}

import { expect, test } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const now = Date.UTC(2026, 10, 21, 12, 0, 0)

test.each<[value: string | string[] | undefined, ms: number | undefined]>([
  ['2', 2_000],
  ['0', 0],
  ['1.5', 1_500],
  [' 3 ', 3_000],
  [['4', '5'], 4_000],
  ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
  ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['-1', undefined],
  ['soon', undefined],
  ['2026', 2_026_000],
  ['', undefined],
  [undefined, undefined],
])('%j → %j ms', (value, ms) => expect(retryAfterMs(value, now)).toBe(ms))

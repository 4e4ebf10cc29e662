import { expect, it } from 'vitest'
import { timesIn } from './times.ts'

const at = (text: string) => Date.parse(text)

it.each([
  ['Asia/Seoul', '2026-11-21T05:03:59Z', '2026-11-21 14:03 KST (UTC+9)'],
  ['Asia/Tokyo', '2026-11-21T15:00:00Z', '2026-11-22 00:00 JST (UTC+9)'],
  ['Asia/Kolkata', '2026-11-21T05:03:00Z', '2026-11-21 10:33 IST (UTC+5:30)'],
  ['America/New_York', '2026-11-21T05:03:00Z', '2026-11-21 00:03 EST (UTC-5)'],
  ['America/New_York', '2026-07-01T05:03:00Z', '2026-07-01 01:03 EDT (UTC-4)'],
  ['Europe/Paris', '2026-07-01T05:03:00Z', '2026-07-01 07:03 CEST (UTC+2)'],
  ['Asia/Kathmandu', '2026-11-21T05:03:00Z', '2026-11-21 10:48 UTC+5:45'],
  ['America/St_Johns', '2026-11-21T05:03:00Z', '2026-11-21 01:33 UTC-3:30'],
  ['UTC', '2026-11-21T05:03:00Z', '2026-11-21 05:03 UTC'],
  ['+09:00', '2026-11-21T05:03:00Z', '2026-11-21 14:03 UTC+9'],
])('%s: %s is %s', (zone, time, expected) => {
  expect(timesIn(zone)(at(time))).toBe(expected)
})

it('follows the clock when it is changed', () => {
  const time = timesIn('Europe/Paris')
  expect(time(at('2026-10-25T00:59:00Z'))).toBe('2026-10-25 02:59 CEST (UTC+2)')
  expect(time(at('2026-10-25T01:00:00Z'))).toBe('2026-10-25 02:00 CET (UTC+1)')
})

it.each(['', 'Mars/Olympus', '../etc', 'KST9'])('refuses the zone %s by name', (zone) => {
  expect(() => timesIn(zone)).toThrow(
    expect.objectContaining({ code: 'invalid-request', details: { field: 'time_zone' } }),
  )
})

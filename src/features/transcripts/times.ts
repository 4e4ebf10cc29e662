import { invalid } from '#errors/index.ts'

/** ICU knows the short names that people use in a zone only in the language of the country. */
const languages = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-SG', 'ja-JP']
/** Those it knows in none. */
const shortNames: Record<string, string> = {
  'Asia/Seoul': 'KST',
  'Asia/Shanghai': 'CST',
  'Asia/Taipei': 'CST',
  'Asia/Hong_Kong': 'HKT',
}

/**
 * Unix ms → `2026-11-21 14:03 KST (UTC+9)`, in one time zone. Throws `invalid-request` (field `time_zone`) when there is no
 * such zone.
 */
export function timesIn(timeZone: string): (atMs: number) => string {
  const format = (language: string, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(language, { timeZone, calendar: 'gregory', numberingSystem: 'latn', ...options })
  let date: Intl.DateTimeFormat
  try {
    date = format('en-US', { timeZoneName: 'longOffset' })
  } catch {
    throw invalid('time_zone', `There is no time zone named '${timeZone.slice(0, 64)}'`)
  }
  const names = languages.map((language) => format(language, { timeZoneName: 'short' }))

  function nameAt(atMs: number): string | undefined {
    const all = names.map((one) => part(one.formatToParts(atMs), 'timeZoneName'))
    return all.find((name) => /^[A-Z]{3,5}$/.test(name) && name !== 'GMT') ?? shortNames[timeZone]
  }
  /** `+09:00` → minutes, and the zone as it is told then. */
  function zoneAt(atMs: number): { minutes: number; text: string } {
    const offset = part(date.formatToParts(atMs), 'timeZoneName')
    const [, sign, hours = '0', rest = '0'] = /GMT([+-])(\d+):(\d+)/.exec(offset) ?? []
    const minutes = (Number(hours) * 60 + Number(rest)) * (sign === '-' ? -1 : 1)
    const utc = minutes === 0 ? 'UTC' : `UTC${sign}${Number(hours)}${rest === '00' ? '' : `:${rest}`}`
    const short = nameAt(atMs)
    return { minutes, text: short === undefined || short === 'UTC' ? utc : `${short} (${utc})` }
  }
  let quarter = Number.NaN
  let zone = { minutes: 0, text: '' }

  return (atMs) => {
    // Asking ICU takes longer than setting the line; clocks are changed on the quarter of an hour, if at all.
    const now = Math.floor(atMs / 900_000)
    if (now !== quarter) {
      quarter = now
      zone = zoneAt(atMs)
    }
    const [day, time] = new Date(atMs + zone.minutes * 60_000).toISOString().split('T')
    return `${day} ${time!.slice(0, 5)} ${zone.text}`
  }
}

function part(parts: Intl.DateTimeFormatPart[], type: Intl.DateTimeFormatPartTypes): string {
  return parts.find((one) => one.type === type)?.value ?? ''
}

import { isDate, luhn, mod97, verhoeff, weighted } from './checksums.ts'

/*
 * Whether a number of the right form is one that may have been given out. All take it without separators.
 */

const koreanWeights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]
/** From this day on, Korean numbers are drawn by lot behind their seventh digit. */
const koreanLotteryFrom = 20201005

/** Resident and foreigner registration numbers; `parted`: written with a hyphen. */
export function isKoreanRrn(digits: string, parted: boolean): boolean {
  const kind = Number(digits[6])
  const century = kind === 9 || kind === 0 ? 18 : kind % 4 === 1 || kind % 4 === 2 ? 19 : 20
  const year = century * 100 + Number(digits.slice(0, 2))
  const [month, day] = [Number(digits.slice(2, 4)), Number(digits.slice(4, 6))]
  if (!isDate(year, month, day)) return false
  const foreign = kind >= 5 && kind <= 8
  const rest = weighted(digits, koreanWeights) % 11
  if (((foreign ? 13 : 11) - rest) % 10 === Number(digits[12])) return true
  return parted && year * 10_000 + month * 100 + day >= koreanLotteryFrom
}

export function isUsSsn(digits: string): boolean {
  const [area, group, serial] = [digits.slice(0, 3), digits.slice(3, 5), digits.slice(5)]
  // Numbers of advertisements, which nobody has.
  if (digits === '078051120' || digits === '219099999') return false
  return area !== '000' && area !== '666' && area[0] !== '9' && group !== '00' && serial !== '0000'
}

const chineseRegions = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91'.split(
    ' ',
  ),
)
const chineseWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** Resident identity numbers of 18 places. */
export function isChineseId(text: string): boolean {
  if (!chineseRegions.has(text.slice(0, 2))) return false
  const year = Number(text.slice(6, 10))
  if (year < 1850 || year > 2100 || !isDate(year, Number(text.slice(10, 12)), Number(text.slice(12, 14)))) return false
  return '10X98765432'[weighted(text, chineseWeights) % 11] === text[17]!.toUpperCase()
}

const myNumberWeights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]

export function isMyNumber(digits: string): boolean {
  const rest = weighted(digits, myNumberWeights) % 11
  return !isOneDigit(digits) && (rest <= 1 ? 0 : 11 - rest) === Number(digits[11])
}

export function isAadhaar(digits: string): boolean {
  return digits[0]! >= '2' && !isOneDigit(digits) && verhoeff(digits)
}

const ninoNever = new Set(['BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ'])

export function isNino(text: string): boolean {
  return !ninoNever.has(text.slice(0, 2))
}

/** Brazil's number of natural persons. */
export function isCpf(digits: string): boolean {
  const check = (places: number) => {
    const weights = Array.from({ length: places }, (_, i) => places + 1 - i)
    const rest = (weighted(digits, weights) * 10) % 11
    return (rest === 10 ? 0 : rest) === Number(digits[places])
  }
  return !isOneDigit(digits) && check(9) && check(10)
}

/** Spain's DNI, and NIE, which has a letter for its first digit. */
export function isDni(text: string): boolean {
  const number = text.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)))
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(number) % 23] === text.at(-1)
}

/** France's NIR with its key. Corsica's departments have a letter. */
export function isNir(text: string): boolean {
  const month = Number(text.slice(3, 5))
  if (!((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50)) return false
  const corsican = text[6] === 'A' ? 1_000_000 : text[6] === 'B' ? 2_000_000 : 0
  const number = Number(text.slice(0, 13).replace(/[AB]/, '0'))
  return 97 - ((number - corsican) % 97) === Number(text.slice(13))
}

const italianOdd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]

export function isCodiceFiscale(text: string): boolean {
  let sum = 0
  for (let i = 0; i < 15; i++) {
    const character = text[i]!
    const value = character >= 'A' ? character.charCodeAt(0) - 65 : Number(character)
    sum += i % 2 === 0 ? italianOdd[value]! : value
  }
  return String.fromCharCode(65 + (sum % 26)) === text[15]
}

/** Lengths of the countries in the IBAN registry. */
const ibanLengths: Record<string, number> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 ' +
    'LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 ' +
    'RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

export function isIban(text: string): boolean {
  return ibanLengths[text.slice(0, 2)] === text.length && mod97(text.slice(4) + text.slice(0, 4)) === 1
}

/** A card number whose first digits are given to an issuer. */
export function isCard(digits: string): boolean {
  return isIssued(digits) && !isOneDigit(digits) && luhn(digits)
}

function isIssued(digits: string): boolean {
  const { length } = digits
  const first = (places: number) => Number(digits.slice(0, places))
  const among = (value: number, from: number, to: number) => value >= from && value <= to
  if (digits[0] === '4') return length === 13 || length === 16 || length === 19
  if (among(first(2), 51, 55) || among(first(4), 2221, 2720)) return length === 16
  if (first(2) === 34 || first(2) === 37) return length === 15
  if (among(first(3), 300, 305) || first(2) === 36 || first(2) === 38) return length === 14
  if (among(first(4), 3528, 3589)) return length >= 16
  if (first(4) === 6011 || among(first(3), 644, 649) || first(2) === 65 || first(2) === 62) return length >= 16
  return (first(2) === 50 || among(first(2), 56, 69)) && length >= 13
}

function isOneDigit(digits: string): boolean {
  return digits === digits[0]!.repeat(digits.length)
}

import type { PersonalDataType } from '#contracts/index.ts'
import {
  isAadhaar,
  isCard,
  isChineseId,
  isCodiceFiscale,
  isCpf,
  isDni,
  isIban,
  isKoreanRrn,
  isMyNumber,
  isNino,
  isNir,
  isUsSsn,
} from './national-numbers.ts'

/** What a kind of personal data looks like, in RE2 syntax over `plain` characters, and which of it really is some. */
export interface Form {
  pattern: string
  /** As Slot.accept, over plain text. */
  accept(text: string, before: string): { from: number; to: number } | undefined
}

export const masks: Record<PersonalDataType, string> = {
  email: '[email]',
  phone: '[phone]',
  card: '[card]',
  iban: '[iban]',
  'kr-rrn': '[national id]',
  'us-ssn': '[national id]',
  'cn-id': '[national id]',
  'jp-my-number': '[national id]',
  'in-aadhaar': '[national id]',
  'uk-nino': '[national id]',
  'br-cpf': '[national id]',
  'es-dni': '[national id]',
  'fr-nir': '[national id]',
  'it-cf': '[national id]',
}

/** Three groups of four and no fourth: what follows them belongs to the form, and is not part of what is found. */
const threeFours = String.raw`\b\d{4}[ -]\d{4}[ -]\d{4}(?:[ -](?:\D|$)|[^ \w-]|$)`
const threeFoursLength = 14

export const forms: Record<PersonalDataType, readonly Form[]> = {
  email: [
    {
      pattern: String.raw`[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,}|xn--[a-z0-9-]{2,})\b`,
      accept: (text) => {
        const from = text.search(/[^.'-]/)
        const ending = text.slice(text.lastIndexOf('.') + 1).toLowerCase()
        return text[from] === '@' || isFileType.test(ending) ? undefined : { from, to: text.length }
      },
    },
  ],
  phone: [
    form(String.raw`\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}\b`, (text, before) => {
      const { length } = digitsOf(text)
      return length >= 8 && length <= 15 && !/[\w+]$/.test(before)
    }),
    form(String.raw`\b0\d{1,3}[ -]\d{3,4}[ -]\d{4}\b`, standsAlone),
    form(String.raw`\b0[1-9](?:[ .-]\d{2}){4}\b`, standsAlone),
    form(String.raw`\b0\d{2,4}[ /-]\d{6,8}\b`, standsAlone),
    form(String.raw`\b(?:01[016789]\d{7,8}|0[789]0\d{8}|1[3-9]\d{9})\b`, standsAlone),
    form(String.raw`\b1[3-9]\d[ -]\d{4}[ -]\d{4}\b`, standsAlone),
    form(String.raw`\b[6-9]\d{4}[ -]\d{5}\b`, standsAlone),
    form(String.raw`(?:\(\d{3}\) ?|\b\d{3}[.-])\d{3}[.-]\d{4}\b`, (text, before) => {
      const digits = digitsOf(text)
      return digits[0]! >= '2' && digits[3]! >= '2' && standsAlone(text, before)
    }),
    form(String.raw`\(\d{2}\) ?9?\d{4}-\d{4}\b`, standsAlone),
  ],
  card: [
    form(String.raw`\b\d{13,19}\b`, (text, before) => isCard(text) && !isFraction(before)),
    form(String.raw`\b\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{3})?\b`, isGroupedCard),
    form(String.raw`\b3\d{3}[ -]\d{6}[ -]\d{4,5}\b`, isGroupedCard),
  ],
  iban: [
    {
      pattern: String.raw`\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}\b`,
      // A word before it may look like its beginning.
      accept: (text) => {
        for (const { index } of text.matchAll(/\b[A-Za-z]{2}\d{2}/g))
          if (isIban(text.slice(index).replace(/[ -]/g, '').toUpperCase())) return { from: index, to: text.length }
        return undefined
      },
    },
  ],
  'kr-rrn': [
    form(String.raw`\b\d{6}(?: ?- ?| )?\d{7}\b`, (text, before) => {
      return isKoreanRrn(digitsOf(text), text.includes('-')) && standsAlone(text, before)
    }),
  ],
  'us-ssn': [
    form(String.raw`\b(?:\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4})\b`, (text, before) => {
      return isUsSsn(digitsOf(text)) && standsAlone(text, before)
    }),
  ],
  'cn-id': [form(String.raw`\b[1-9]\d{16}[0-9Xx]\b`, isChineseId)],
  'jp-my-number': [grouped(isMyNumber), named(isMyNumber, /(?:マイナンバー|個人番号|my ?number)\D{0,20}$/i)],
  'in-aadhaar': [grouped(isAadhaar), named(isAadhaar, /(?:aadhaar|aadhar|आधार|uidai)\D{0,20}$/i)],
  'uk-nino': [form(String.raw`\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b`, isNino)],
  'br-cpf': [
    form(String.raw`\b(?:\d{3}\.\d{3}\.\d{3}-\d{2}|\d{9}-\d{2})\b`, (text) => isCpf(digitsOf(text))),
    form(String.raw`\b\d{11}\b`, (text, before) => /\bcpf\D{0,20}$/i.test(before) && isCpf(text)),
  ],
  'es-dni': [form(String.raw`\b(?:\d{8}|[XYZ]\d{7})-?[A-Z]\b`, (text) => isDni(text.replace('-', '')))],
  'fr-nir': [
    form(String.raw`\b[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}\b`, (text) => isNir(text.replaceAll(' ', ''))),
  ],
  'it-cf': [form(String.raw`\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b`, isCodiceFiscale)],
}

/** `logo@2x.png` is a picture. */
const isFileType = /^(?:png|jpe?g|gif|svg|webp|avif|css|js|ts|html?|.{25,})$/

function form(pattern: string, is: (text: string, before: string) => boolean): Form {
  return { pattern, accept: (text, before) => (is(text, before) ? { from: 0, to: text.length } : undefined) }
}

function grouped(is: (digits: string) => boolean): Form {
  return {
    pattern: threeFours,
    accept: (text, before) =>
      !/\d[ .,/-]$/.test(before) && is(digitsOf(text.slice(0, threeFoursLength)))
        ? { from: 0, to: threeFoursLength }
        : undefined,
  }
}

/** Twelve digits alone may be anything: the text before must say what they are. */
function named(is: (digits: string) => boolean, name: RegExp): Form {
  return form(String.raw`\b\d{12}\b`, (text, before) => name.test(before) && is(text))
}

function isGroupedCard(text: string, before: string): boolean {
  return isCard(digitsOf(text)) && !isFraction(before)
}

/** Not the end of a longer number, and no sum or order number. */
function standsAlone(_text: string, before: string): boolean {
  return !/\d[.,/-]$|[#$€£¥]$/.test(before)
}

function isFraction(before: string): boolean {
  return /\d[.,]$/.test(before)
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, '')
}

const hyphens = /[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/
const spaces = /[\u00a0\u2000-\u200a\u202f\u3000]/
const digit = /\p{Nd}/u

/**
 * A character as the forms know it: digits of every script, full-width letters, hyphens and spaces of any length as their
 * ASCII. One unit always stays one unit.
 */
export function plain(character: number): number {
  if (character < 0xa0 || character > 0xffff) return character
  // Hangul and Han: most of what is asked about here.
  if ((character >= 0x3400 && character <= 0x9fff) || (character >= 0xac00 && character <= 0xd7ff)) return character
  const text = String.fromCharCode(character)
  if (hyphens.test(text)) return 0x2d
  if (spaces.test(text)) return 0x20
  if (character >= 0xff01 && character <= 0xff5e) return character - 0xfee0
  if (!digit.test(text)) return character
  // A script's ten digits begin at a multiple of 16, or six behind one.
  const base = character & ~15
  return 0x30 + character - (digit.test(String.fromCharCode(base)) ? base : base + 6)
}

export function plainText(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) out += String.fromCharCode(plain(text.charCodeAt(i)))
  return out
}

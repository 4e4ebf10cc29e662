import { describe, expect, it } from 'vitest'
import { type PersonalDataType, personalDataTypes } from '#contracts/index.ts'
import { cutUp, ruleOf } from '#test/support/guardrails.ts'
import { compileRules } from './compile.ts'
import { lookThrough } from './look-through.ts'
import { TextFilter } from './text-filter.ts'

/** The text with personal data of these types masked, as a message and, cut small, as an answer. */
async function masked(text: string, types: readonly PersonalDataType[]): Promise<string> {
  const { input, output } = await compileRules([ruleOf({ kind: 'personal-data', types: [...types] })])
  const whole = (await lookThrough(input, text)).text
  const filter = new TextFilter(output.matchers(), { window: 1_000 })
  let streamed = ''
  for (const piece of cutUp(text, 3)) streamed += filter.write(piece)
  expect(streamed + filter.end()).toBe(whole)
  return whole
}

/** Numbers are those of standards, issuers' test pages and manuals, or made up with a right check digit. */
const found: Record<PersonalDataType, [text: string, shown: string][]> = {
  email: [
    ['write to ann@example.org.', 'write to [email].'],
    ['Ann.Lee+news@mail.example.co.uk, please', '[email], please'],
    ['메일은john@example.kr입니다', '메일은[email]입니다'],
    ["'ann@example.org'", "'[email]'"],
    ['x@xn--bcher-kva.example', '[email]'],
  ],
  phone: [
    ['call +82-10-1234-5678 now', 'call [phone] now'],
    ['+1 (415) 555-2671', '[phone]'],
    ['+49 30 901820', '[phone]'],
    ['전화번호010-1234-5678입니다', '전화번호[phone]입니다'],
    ['01012345678', '[phone]'],
    ['(415) 555-2671 or 415-555-2671', '[phone] or [phone]'],
    ['手机13812345678。', '手机[phone]。'],
    ['０９０－１２３４－５６７８まで', '[phone]まで'],
    ['٠١٠-١٢٣٤-٥٦٧٨', '[phone]'],
    ['01 42 68 53 00', '[phone]'],
    ['98765 43210', '[phone]'],
    ['(11) 91234-5678', '[phone]'],
  ],
  card: [
    ['4111111111111111', '[card]'],
    ['5500 0055 5555 5559.', '[card].'],
    ['2221-0000-0000-0009', '[card]'],
    ['amex 3782 822463 10005', 'amex [card]'],
    ['６０１１１１１１１１１１１１１７', '[card]'],
    ['카드4111 1111 1111 1111로', '카드[card]로'],
    ['1. 4111111111111111', '1. [card]'],
  ],
  iban: [
    ['IBAN DE89 3704 0044 0532 0130 00 and then', 'IBAN [iban] and then'],
    ['GB82WEST12345698765432', '[iban]'],
    ['fr14 2004 1010 0505 0001 3m02 606', '[iban]'],
    ['to AB12 DE89370400440532013000', 'to AB12 [iban]'],
  ],
  'kr-rrn': [
    ['주민번호 900101-1234568', '주민번호 [national id]'],
    ['9001011234568', '[national id]'],
    ['900101-5234561 외국인', '[national id] 외국인'],
    ['201101-3999999', '[national id]'],
  ],
  'us-ssn': [['SSN 123-45-6789.', 'SSN [national id].']],
  'cn-id': [
    ['身份证11010519491231002X', '身份证[national id]'],
    ['440524188001010014', '[national id]'],
  ],
  'jp-my-number': [
    ['1234-5678-9018', '[national id]'],
    ['マイナンバーは123456789018です', 'マイナンバーは[national id]です'],
  ],
  'in-aadhaar': [
    ['2341 2341 2346', '[national id]'],
    ['Aadhaar: 234123412346', 'Aadhaar: [national id]'],
    ['आधार 234123412346', 'आधार [national id]'],
  ],
  'uk-nino': [['AB 12 34 56 C', '[national id]']],
  'br-cpf': [
    ['529.982.247-25', '[national id]'],
    ['CPF 52998224725', 'CPF [national id]'],
  ],
  'es-dni': [
    ['DNI 12345678Z', 'DNI [national id]'],
    ['X1234567L', '[national id]'],
  ],
  'fr-nir': [['2 55 08 14 168 025 38', '[national id]']],
  'it-cf': [['RSSMRA85T10A562S', '[national id]']],
}

/** What looks like it, and is something else. */
const notFound: Record<PersonalDataType, string[]> = {
  email: ['user@localhost', '@ann', 'ann@', 'logo@2x.png', 'a @ example.org', 'https://example.org/@ann'],
  phone: [
    '2024-01-15',
    '12:30-14:45',
    '1.234.567,89',
    'v1.2.3-4',
    '$415-555-2671',
    '1700000000',
    '10.0.0.1',
    '123-4567',
  ],
  card: [
    '4111111111111112',
    '1234567812345678',
    '0.4111111111111111',
    '1732197600000',
    '0000000000000000',
    '41111111111111111111111',
    'x4111111111111111',
  ],
  iban: ['DE89 3704 0044 0532 0130 01', 'DE893704004405320130', 'XX89 3704 0044 0532 0130 00', 'AB12 is a name'],
  'kr-rrn': ['900101-1234567', '901301-1234568', '900101-12345678', '1732197600000'],
  'us-ssn': ['000-45-6789', '666-45-6789', '912-45-6789', '123-00-6789', '123-45-0000', '078-05-1120', '123456789'],
  'cn-id': ['110105194912310021', '990105194912310020', '11010519491331002X'],
  'jp-my-number': ['1234-5678-9012', '123456789018', '1111-1111-1111', '1234-5678-9018-0000'],
  'in-aadhaar': ['2341 2341 2345', '234123412346', '1341 2341 2346', '0000 2341 2341 2346'],
  'uk-nino': ['GB 12 34 56 C', 'AB 12 34 56 E', 'DA 12 34 56 C'],
  'br-cpf': ['529.982.247-24', '111.111.111-11', '52998224725'],
  'es-dni': ['12345678A', '12345678'],
  'fr-nir': ['2 55 08 14 168 025 39', '3 55 08 14 168 025 38'],
  'it-cf': ['RSSMRA85T10A562T', 'ABCDEF12G34H567I'],
}

describe('personal data', () => {
  for (const type of personalDataTypes) {
    it.for(found[type])(`${type}: %s`, async ([text, shown]) => {
      expect(await masked(text, [type])).toBe(shown)
    })
    it.for(notFound[type])(`no ${type}: %s`, async (text) => {
      expect(await masked(text, [type])).toBe(text)
    })
  }

  it('leaves ordinary texts with many numbers alone', async () => {
    for (const text of ordinary) expect(await masked(text, personalDataTypes)).toBe(text)
  })

  it('finds all kinds side by side', async () => {
    const text = personalDataTypes.map((type) => found[type][0]![0]).join('\n')
    const shown = personalDataTypes.map((type) => found[type][0]![1]).join('\n')
    expect(await masked(text, personalDataTypes)).toBe(shown)
  })
})

const ordinary = [
  'Sales rose from 1,204,330 in 2023 to 1,377,902 in 2024 (14.4 %); see pages 112-118 and table 3.2.1.',
  'Error 0x8007000E at 2024-11-21T13:37:00.123Z, request 01a1fe8e-4fe5-7002-b294-32a49b234757, took 1732197600123 ns.',
  'ISBN 978-3-16-148410-0, DOI 10.1000/182, order no. 20241121-0042, 3 x 250 g at 4.99.',
  'let total = 0; for (let i = 0; i < 100; i++) total += values[i] * 0.3333333333333333;',
  '2024년 11월 21일 오후 3시 30분, 총 1,234,567원, 대수는 12개입니다.',
  '第3章では12345件のデータを2024年から2025年まで調べた。',
  '192.168.178.255:8080, 2001:db8::8a2e:370:7334, 00:1A:2B:3C:4D:5E',
  'π ≈ 3.14159265358979323846, e ≈ 2.71828182845904523536',
]

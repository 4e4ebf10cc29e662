import { expect, test } from 'vitest'
import type { SourceText } from './gather-sources.ts'
import { rankPassages } from './rank.ts'

const source = (text: string, change: Partial<SourceText> = {}): SourceText => ({
  title: 'a.txt',
  text,
  origin: 'file',
  lines: false,
  ...change,
})

async function quotes(question: string, ...sources: SourceText[]): Promise<string[]> {
  const { passages } = await rankPassages(question, sources, async () => {})
  return passages.map(({ source, start, end }) => source.text.slice(start, end))
}

test.each([
  [
    'Chinese',
    '法国的首都是哪里？',
    '德国的首都是柏林。法国的首都是巴黎，人口约二百万。今天天气很好。',
    '法国的首都是巴黎，人口约二百万。',
  ],
  ['Japanese', '日本の首都はどこですか？', '富士山は高いです。日本の首都は東京です。', '日本の首都は東京です。'],
  [
    'Korean',
    '한국의 수도는 어디인가요?',
    '날씨가 좋습니다. 한국의 수도는 서울입니다. 비가 옵니다.',
    '한국의 수도는 서울입니다.',
  ],
  ['Hindi', 'भारत की राजधानी क्या है?', 'आज बारिश हुई। भारत की राजधानी दिल्ली है। वह गया।', 'भारत की राजधानी दिल्ली है।'],
  ['Arabic', 'ما هي عاصمة فرنسا؟', 'الطقس جميل اليوم. عاصمة فرنسا هي باريس. ذهب الولد.', 'عاصمة فرنسا هي باريس.'],
  ['Russian', 'Какая столица Франции?', 'Сегодня дождь. Столица Франции Париж. Он ушёл.', 'Столица Франции Париж.'],
  ['Thai', 'เมืองหลวงของฝรั่งเศสคืออะไร', 'วันนี้ฝนตก\nเมืองหลวงของฝรั่งเศสคือปารีส\nเขาไปแล้ว', 'เมืองหลวงของฝรั่งเศสคือปารีส'],
])('%s', async (_, question, text, passage) => {
  expect(await quotes(question, source(text))).toEqual([passage])
})

test('a row of a table or list is no heading', async () => {
  const text = '| port | 8000 |\n| host | localhost |\n- colour blue\n- size large'
  expect(await quotes('port?', source(text))).toEqual(['| port | 8000 |'])
  expect(await quotes('colour?', source(text))).toEqual(['- colour blue'])
})

test('a heading or a question that matches brings what follows it, but not in a table', async () => {
  const text = '# Refunds\nGoods may be returned. Keep the bill.\n\nMay I park here?\nFor two hours.'
  expect(await quotes('refunds', source(text))).toEqual(['# Refunds\nGoods may be returned.'])
  expect(await quotes('Where can I park?', source(text))).toEqual(['May I park here?\nFor two hours.'])
  expect(await quotes('refunds', source('Refunds,1\nGoods,2', { lines: true }))).toEqual(['Refunds,1'])
})

test('neighbours become one passage, others stay apart', async () => {
  const text = 'The pump starts at noon. The pump stops at six. Birds sing.\n\nThe pump is green.'
  expect(await quotes('pump', source(text))).toEqual([
    'The pump is green.',
    'The pump starts at noon. The pump stops at six.',
  ])
})

test('at most four sentences, the same words only once', async () => {
  const many = Array.from({ length: 9 }, (_, index) => source(`Pump number ${index} is green.`))
  expect(await quotes('pump', ...many)).toHaveLength(4)
  expect(await quotes('pump', source('The pump is green.'), source('The pump is green.\n\nBye.'))).toHaveLength(1)
})

test('the rarer word decides', async () => {
  const text = 'The shop sells tea.\n\nThe shop sells salt.\n\nThe shop sells saffron.\n\nThe shop is big.'
  expect((await quotes('Which shop sells saffron?', source(text)))[0]).toBe('The shop sells saffron.')
})

test('one shared word of many is no match', async () => {
  const text = source('Autumn is when the shop closes early.')
  expect(await quotes('Write a poem about autumn leaves falling in Kyoto', text)).toEqual([])
})

test('sentences beyond the bound are not looked at, and that is told', async () => {
  const text = source('One bird. Two birds. The pump is green.')
  const pause = async (): Promise<void> => {}
  expect(await rankPassages('pump', [text], pause, 2)).toEqual({ passages: [], cut: true })
  expect((await rankPassages('pump', [text], pause, 3)).cut).toBe(false)
})

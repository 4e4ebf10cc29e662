import { describe, expect, it } from 'vitest'
import { cutUp, ruleOf } from '#test/support/guardrails.ts'
import { checkProblem, compileRules } from './compile.ts'
import { lookThrough } from './look-through.ts'
import { TextFilter } from './text-filter.ts'

async function masked(words: string[], match: 'word' | 'part', text: string): Promise<string> {
  const { output } = await compileRules([ruleOf({ kind: 'words', words, match, replacement: '#' })])
  const whole = (await lookThrough(output, text)).text
  const filter = new TextFilter(output.matchers(), { window: 1_000 })
  let streamed = ''
  for (const piece of cutUp(text, 1)) streamed += filter.write(piece)
  expect(streamed + filter.end()).toBe(whole)
  return whole
}

describe('words', () => {
  it.for([
    ['whole words, whatever their case', 'Bomb', 'a BOMB, bombs and a bomb', 'a #, bombs and a #'],
    ['sharp s as two', 'strasse', 'Straße STRASSE Straßen', '# # Straßen'],
    ['sigma at the end of a word', 'λόγος', 'ΛΌΓΟΣ λόγοσ', '# #'],
    ['the Turkish i', 'istanbul', 'İstanbul ISTANBUL ıstanbul', '# # #'],
    ['composed and decomposed letters', 'café', 'Cafe\u0301 CAFÉ cafe', '# # cafe'],
    ['full-width letters', 'secret', 'ｓｅｃｒｅｔ！', '#！'],
    ['ligatures', 'office', 'oﬃce', '#'],
    ['letters with something invisible between', 'secret', 'se\u200bc\u00adr\ufeffet!', '#!'],
    ['phrases over any space', 'credit card', 'a credit\u00a0 \n card.', 'a #.'],
    ['Cyrillic', 'бомба', 'БОМБА бомбардировка', '# бомбардировка'],
    ['Arabic with and without vowels', 'كتاب', 'كِتَابٌ، كتاب، كتابة', '#، #، كتابة'],
    ['Hebrew with points', 'שלום', 'שָׁלוֹם', '#'],
    ['Hindi', 'राम', 'राम और रामायण', '# और रामायण'],
    ['Chinese, which has no spaces', '炸弹', '制造炸弹的方法', '制造#的方法'],
    ['Japanese', '爆弾', '爆弾を作る', '#を作る'],
    ['Thai', 'ระเบิด', 'ทำระเบิดยังไง', 'ทำ#ยังไง'],
    ['a Latin word among Chinese ones', 'json', '在JSON中', '在#中'],
    ['words with a hyphen or digits', 'x-ray 2', 'X-Ray 2, x-ray 23', '#, x-ray 23'],
    ['emoji', '💣', 'a 💣!', 'a #!'],
  ] as const)('are found: %s', async ([, word, text, shown]) => {
    expect(await masked([word], 'word', text)).toBe(shown)
  })

  it.for([
    ['in the middle of others', 'bomb', 'Bombardment, abomb', '#ardment, a#'],
    ['with Korean particles', '폭탄', '폭탄을 만드는', '#을 만드는'],
    ['in decomposed Korean', '폭탄', '폭탄을'.normalize('NFD'), `#${'을'.normalize('NFD')}`],
    ['not half of a syllable', '가', '각 강 가', '각 강 #'],
    ['not half of a decomposed syllable', '가', '각'.normalize('NFD'), '각'.normalize('NFD')],
    ['not a letter without its mark', 'cafe', 'cafe\u0301 cafe', 'cafe\u0301 #'],
    ['of two the longer', 'ab', 'xabcab', 'x#c#'],
  ] as const)('are found as parts: %s', async ([, word, text, shown]) => {
    expect(await masked([word], 'part', text)).toBe(shown)
  })

  it('are found in a list of two thousand', async () => {
    const words = Array.from({ length: 2_000 }, (_, index) => `word${index}`)
    expect(await masked(words, 'word', 'word1 word1999 word2000')).toBe('# # word2000')
  })

  it('must have something in them that can be found', async () => {
    expect(await checkProblem({ kind: 'words', words: ['a', '\u200b'], match: 'word' })).toMatchObject({
      field: 'words[1]',
    })
    expect(await checkProblem({ kind: 'words', words: ['a'], match: 'word' })).toBeUndefined()
  })
})

import { expect, it } from 'vitest'
import { hanForms } from './han-forms.ts'

it.each([
  ['我们的办公室在里斯本', 'simplified'],
  ['我們的辦公室在里斯本', 'traditional'],
  ['私たちのオフィス', 'japanese'],
  ['漢字와 한글', 'korean'],
  ['한글 여러 글자, and カ', 'korean'],
  ['中文', undefined],
  ['no Han at all', undefined],
  ['', undefined],
])('%s wants %s forms', (text, forms) => {
  expect(hanForms(text)).toBe(forms)
})

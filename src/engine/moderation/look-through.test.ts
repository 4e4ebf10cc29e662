import { expect, it } from 'vitest'
import { ruleOf } from '#test/support/guardrails.ts'
import { compileRules } from './compile.ts'
import { lookThrough } from './look-through.ts'
import { Work } from './text-filter.ts'

const digits = ruleOf({ kind: 'pattern', pattern: '[0-9]', ignoreCase: false, replacement: '#'.repeat(100) }, 'mask')

it('refuses a text that masks would make a hundred times as long', async () => {
  const { input } = await compileRules([digits])
  const exhausted: string[] = []
  const looked = await lookThrough(input, '1 '.repeat(20_000), {
    work: new Work(1_000_000),
    exhausted: (rule) => exhausted.push(rule.name),
  })
  expect(looked.blocked?.name).toBe(digits.name)
  expect(looked.text.length).toBeLessThan(1_500_000)
  expect(exhausted).toEqual([digits.name])
})

it('masks as much as there is work for', async () => {
  const { input } = await compileRules([digits])
  const looked = await lookThrough(input, '1 '.repeat(5_000), { work: new Work(1_000_000) })
  expect(looked).toEqual({ text: `${'#'.repeat(100)} `.repeat(5_000) })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDeeperThan } from './depth.ts'
import { tooMuchJson } from './json-size.ts'

const most = { depth: 8, values: 50 }
/** Long enough to be looked at. */
const padding = ' '.repeat(64 * 1024)
const tooMuch = (text: string) => tooMuchJson(padding + text, most)

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, one) => sum + valuesIn(one), 1)
}

describe('tooMuchJson', () => {
  it('tells what lies too deep or has too many values, and nothing else', () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 12 }), (text) => {
        const value: unknown = JSON.parse(text)
        const said = tooMuch(text)
        if (isDeeperThan(value, most.depth)) expect(said).toMatch(/deep|more than/)
        else if (valuesIn(value) <= most.values / 2) expect(said).toBeUndefined()
        else if (valuesIn(value) > 2 * most.values) expect(said).toBe('has more than 50 values')
      }),
      { numRuns: 1_000 },
    ))

  it.each([
    ['brackets in a text', JSON.stringify('['.repeat(100))],
    ['a quote in a text', JSON.stringify(`"${'['.repeat(100)}`)],
    ['backslashes at the end of a text', JSON.stringify([`${'['.repeat(100)}\\`, '['.repeat(100)])],
    ['as deep as may be', '['.repeat(8) + ']'.repeat(8)],
    ['one behind the other', `[${'[],'.repeat(20)}[]]`],
  ])('lets pass %s', (_, text) => {
    expect(tooMuch(text)).toBeUndefined()
  })

  it.each([
    ['arrays', '['.repeat(9), 'is nested too deeply'],
    ['objects', '{"a":'.repeat(9), 'is nested too deeply'],
    ['what follows a text that ends in a backslash', `["\\\\",${'['.repeat(9)}`, 'is nested too deeply'],
    ['many values', `[${'1,'.repeat(60)}1]`, 'has more than 50 values'],
  ])('stops at %s', (_, text, said) => {
    expect(tooMuch(text)).toBe(said)
  })

  it('takes a short text as it is', () => {
    expect(tooMuchJson('['.repeat(1_000), most)).toBeUndefined()
  })

  it('comes to the end of a text that never ends', () => {
    expect(tooMuch(`"${'\\"'.repeat(1_000_000)}`)).toBeUndefined()
    expect(tooMuch(`"${'\\'.repeat(2_000_000)}`)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { ruleOf } from '#test/support/guardrails.ts'
import { compileRules } from './compile.ts'
import { lookThroughArguments } from './tool-arguments.ts'

async function look(text: string, action: 'block' | 'mask' = 'mask') {
  const rules = [
    ruleOf({ kind: 'words', words: ['secret', '폭탄'], match: 'part', replacement: '#' }, action),
    ruleOf({ kind: 'personal-data', types: ['card', 'email'] }, action),
  ]
  const { output } = await compileRules(rules)
  let finds = 0
  const looked = await lookThroughArguments(output, text, { found: () => finds++ })
  return { ...looked, finds }
}

describe('arguments of a tool call', () => {
  it('stay as they were written when nothing is found in them', async () => {
    for (const text of ['{ "a" : 1.50, "b":"\\u00e9" }', '', '{"a":', 'not json', '[12345678901234567890]', 'null'])
      expect((await look(text)).text).toBe(text)
  })

  it('are masked in values and names, and stay JSON', async () => {
    const { text } = await look('{"to":"ann@example.org","secret":["a secret",{"n":4111111111111111}],"x":1e400}')
    expect(text).toBe('{"to":"[email]","#":["a #",{"n":"[card]"}],"x":1e400}')
  })

  it('hide nothing behind escapes', async () => {
    expect((await look('{"q":"\\ud3ed\\ud0c4"}')).text).toBe('{"q":"#"}')
    expect((await look('{"q":"s\\u0065cret"}', 'block')).blocked).toBeDefined()
  })

  it('hide nothing behind a name that is there twice', async () => {
    expect((await look('{"q":"secret","q":"fine"}', 'block')).blocked).toBeDefined()
    const { text, finds } = await look('{"q":"secret","q":"fine"}')
    expect(text).not.toContain('secret')
    expect(finds).toBe(1)
  })

  it('lose no digit of a number that is no card', async () => {
    const { text } = await look('{"id":12345678901234567891,"s":"secret"}')
    expect(text).toBe('{"id":12345678901234567891,"s":"#"}')
  })

  it('are looked at as they are when they are no JSON, or nested too deep', async () => {
    expect((await look('{"q":"secret')).text).toBe('{"q":"#')
    const deep = `${'['.repeat(5_000)}"secret"${']'.repeat(5_000)}`
    expect((await look(deep)).text).toContain('"#"')
  })

  it('count a find once', async () => {
    expect((await look('{"a":"secret"}')).finds).toBe(1)
  })
})

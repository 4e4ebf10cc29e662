import { describe, expect, it } from 'vitest'
import { mostStates, patternProblem } from './program.ts'

describe('an expression that somebody wrote', () => {
  it.for([
    String.raw`\d{3}-\d{4}`,
    '(a+)+$',
    String.raw`\p{Hangul}+|\p{Han}{2,}`,
    '[[:alpha:]]+@',
    '(?i)secret',
    '^a',
    String.raw`\bPRJ-\d+\b`,
  ])('may be %s', async (pattern) => {
    expect(await patternProblem(pattern, false)).toBeUndefined()
  })

  it.for([
    ['(', 'missing closing )'],
    ['[a', 'missing closing ]'],
    ['a**b', 'invalid nested repetition operator'],
    ['(?=a)', 'invalid or unsupported Perl syntax'],
    ['(?<=a)b', 'RE2 syntax'],
    [String.raw`(a)\1`, 'invalid escape sequence'],
    ['a{2000}', 'RE2 syntax'],
    ['((a{100}){100}){100}', 'RE2 syntax'],
    ['a{299}', `${mostStates} are allowed`],
    ['a*', 'must not fit the empty text'],
    ['', 'must not fit the empty text'],
    ['^$', 'must not fit the empty text'],
    [String.raw`\b`, 'must not fit the empty text'],
    ['(?:a|b?)', 'must not fit the empty text'],
  ] as const)('may not be %s', async ([pattern, why]) => {
    expect(await patternProblem(pattern, false)).toContain(why)
  })
})

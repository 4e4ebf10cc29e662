import { expect, test } from 'vitest'
import { bells } from './bells.ts'

test('a ring is heard by who watches that key, until he leaves', () => {
  const rings = bells<string>()
  const heard: string[] = []
  expect(rings.watched).toBe(false)
  const leave = rings.watch('a', () => heard.push('first'))
  const other = rings.watch('a', () => heard.push('second'))
  const elsewhere = rings.watch('b', () => heard.push('elsewhere'))
  rings.ring('a')
  rings.ring('nobody')
  expect(heard).toEqual(['first', 'second'])
  leave()
  leave()
  rings.ring('a')
  expect(heard).toEqual(['first', 'second', 'second'])
  heard.splice(0)
  rings.ringAll()
  expect(heard).toEqual(['second', 'elsewhere'])
  other()
  elsewhere()
  expect(rings.watched).toBe(false)
})

test('who leaves or comes during a ring disturbs nobody', () => {
  const rings = bells<number>()
  const heard: string[] = []
  const leave = rings.watch(1, () => {
    heard.push('once')
    leave()
    rings.watch(1, () => heard.push('late'))
  })
  rings.watch(1, () => heard.push('always'))
  rings.ring(1)
  expect(heard).toEqual(['once', 'always'])
  rings.ring(1)
  expect(heard).toEqual(['once', 'always', 'always', 'late'])
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BriefMap } from './brief-map.ts'

it('holds what a Map would hold', () => {
  const step = fc.tuple(fc.constantFrom('set', 'delete'), fc.integer({ min: 0, max: 5 }), fc.nat())
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const brief = new BriefMap<number, number>()
      const map = new Map<number, number>()
      for (const [what, key, value] of steps) {
        if (what === 'delete') {
          brief.delete(key)
          map.delete(key)
        } else if (!map.has(key)) {
          brief.set(key, value)
          map.set(key, value)
        }
        expect(brief.size).toBe(map.size)
        expect(brief.get(key)).toBe(map.get(key))
        expect([...brief.values()]).toEqual([...map.values()])
      }
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { groups } from './groups.ts'

describe('groups', () => {
  it('are what a map of sets would be', () => {
    const key = fc.constantFrom('a', 'b')
    const member = fc.constantFrom('x', 'y', 'z')
    const action = fc.oneof(
      fc.record({ do: fc.constantFrom('add', 'remove'), key, member }),
      fc.record({ do: fc.constant('delete'), key, member }),
    )
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const real = groups<string>()
        const model = new Map<string, Set<string>>()
        for (const step of actions) {
          real[step.do as 'add' | 'remove' | 'delete'](step.key, step.member)
          const members = model.get(step.key) ?? new Set<string>()
          if (step.do === 'add') model.set(step.key, members.add(step.member))
          else if (step.do === 'remove') members.delete(step.member)
          if (step.do === 'delete' || members.size === 0) model.delete(step.key)
        }
        expect(real.size()).toBe(model.size)
        for (const name of ['a', 'b']) {
          expect([...real.of(name)].sort()).toEqual([...(model.get(name) ?? [])].sort())
          expect(real.has(name)).toBe(model.has(name))
        }
      }),
    )
  })
})

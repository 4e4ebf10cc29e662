import { expect, test } from 'vitest'
import { isUuid, uuidv7 } from './uuid.ts'
import { uuidFloor } from './uuid-floor.ts'

test('ids made from a moment on sort after its floor, ids made before it do not', () => {
  const ms = Date.now() + 1000
  const before = uuidv7(ms - 1)
  const at = uuidv7(ms)
  expect(isUuid(uuidFloor(ms))).toBe(true)
  expect(before < uuidFloor(ms)).toBe(true)
  expect(at >= uuidFloor(ms)).toBe(true)
  expect(uuidFloor(-5)).toBe('00000000-0000-7000-8000-000000000000')
})

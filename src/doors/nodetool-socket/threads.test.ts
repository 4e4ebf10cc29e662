import { expect, it } from 'vitest'
import { followers } from './followers.ts'
import { threads } from './threads.ts'

it('a connection follows its newest 256 threads, under the names it gave them', () => {
  const all = followers<string>()
  const own = threads(all, 'one')
  for (let n = 0; n < 256; n++) own.follow(`c${n}`, `name ${n}`)
  own.follow('c0', 'another name')
  own.follow('c256', 'name 256')
  expect([own.nameOf('c0'), own.nameOf('c1'), own.nameOf('c256')]).toEqual(['another name', undefined, 'name 256'])
  expect([[...all.of('c0')], [...all.of('c1')], [...all.of('c256')]]).toEqual([['one'], [], ['one']])
})

it('one that leaves is followed by nobody, and the others stay', () => {
  const all = followers<string>()
  const [one, two] = [threads(all, 'one'), threads(all, 'two')]
  one.follow('c', 'x')
  two.follow('c', 'y')
  one.leaveAll()
  expect([...all.of('c')]).toEqual(['two'])
  two.leaveAll()
  expect([...all.of('c')]).toEqual([])
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Pacer } from './pacer.ts'

let done: string[]
let pacer: Pacer
const ask = (name: string) => pacer.run(() => done.push(name))

beforeEach(() => {
  vi.useFakeTimers()
  done = []
  pacer = new Pacer(2, 3)
})

afterEach(() => {
  vi.useRealTimers()
})

it('does at once what is asked after a rest', () => {
  ask('a')
  expect(done).toEqual(['a'])
  vi.advanceTimersByTime(2)
  ask('b')
  expect(done).toEqual(['a', 'b'])
})

it('does together, in order and once, what is asked before the rest is over', () => {
  ask('a')
  vi.advanceTimersByTime(1)
  ask('b')
  ask('c')
  expect(done).toEqual(['a'])
  vi.advanceTimersByTime(2)
  expect(done).toEqual(['a', 'b', 'c'])
  vi.advanceTimersByTime(10)
  expect(done).toEqual(['a', 'b', 'c'])
})

it('does not wait for more than so many', () => {
  ask('a')
  ask('b')
  ask('c')
  expect(done).toEqual(['a'])
  ask('d')
  expect(done).toEqual(['a', 'b', 'c', 'd'])
  ask('e')
  vi.advanceTimersByTime(2)
  expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
})

it('lets who is asked while it works wait for the next time', () => {
  ask('a')
  pacer.run(() => {
    done.push('b')
    ask('c')
  })
  vi.advanceTimersByTime(2)
  expect(done).toEqual(['a', 'b'])
  vi.advanceTimersByTime(2)
  expect(done).toEqual(['a', 'b', 'c'])
})

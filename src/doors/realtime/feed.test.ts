import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import type { Socket } from '../gate/sockets/index.ts'
import { feeder, offer } from './feed.ts'

/** A socket whose peer takes what it is sent when the test says so. */
function fakeSocket(room = 2) {
  const sent: string[] = []
  let takes: () => void = () => undefined
  let free = room
  const socket = {
    isOpen: true,
    buffered: 0,
    closing: undefined as [number, string] | undefined,
    send: (data: string) => void sent.push(data),
    relay: (data: string) => void sent.push(data),
    write(data: string) {
      sent.push(data)
      return --free > 0
    },
    drained: () =>
      new Promise<void>((resolve) => {
        takes = () => {
          free = room
          resolve()
        }
      }),
    close(code: number, reason: string) {
      socket.isOpen = false
      socket.closing = [code, reason]
    },
  }
  return { socket: socket as unknown as Socket & typeof socket, sent, take: () => takes() }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const log = { error: () => undefined }

describe('a socket that is fed', () => {
  it('is given one pass at a time, and one more for any number of wakes during one', async () => {
    const { socket } = fakeSocket()
    const passes: (() => void)[] = []
    const wake = feeder(socket, log, () => new Promise((resolve) => passes.push(resolve)))
    expect(passes).toHaveLength(0)
    wake()
    wake()
    wake()
    expect(passes).toHaveLength(1)
    passes[0]!()
    await settled()
    expect(passes).toHaveLength(2)
    passes[1]!()
    await settled()
    expect(passes).toHaveLength(2)
    wake()
    expect(passes).toHaveLength(3)
    passes[2]!()
    await settled()
    socket.close(1000, '')
    wake()
    expect(passes).toHaveLength(3)
  })

  it.each([
    [new AppError('unauthenticated', 'Gone'), 1008, 'Invalid token'],
    [new AppError('not-found', 'Workspace not found'), 1008, 'Workspace not found'],
    [new AppError('overloaded', 'No database'), 1013, 'Try again later'],
    [new AppError('consumer-too-slow', 'Slow'), 1008, 'consumer-too-slow'],
    [new TypeError('a secret of ours'), 1011, 'Internal error'],
  ])('is closed by a pass that fails: %s', async (thrown, code, reason) => {
    const { socket } = fakeSocket()
    const errors: object[] = []
    const wake = feeder(socket, { error: (fields) => void errors.push(fields) }, () => Promise.reject(thrown))
    wake()
    await settled()
    expect(socket.closing).toEqual([code, reason])
    expect(errors).toHaveLength(code === 1011 ? 1 : 0)
  })

  it('is waited for when it is full, and given no more once it is closed', async () => {
    const { socket, sent, take } = fakeSocket(2)
    const offered = offer(socket, ['a', 'b', 'c', 'd', 'e'])
    await settled()
    expect(sent).toEqual(['a', 'b'])
    take()
    await settled()
    expect(sent).toEqual(['a', 'b', 'c', 'd'])
    socket.close(1000, '')
    take()
    await offered
    expect(sent).toEqual(['a', 'b', 'c', 'd'])
  })
})

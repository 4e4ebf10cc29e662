import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from 'ws'
import { until } from '#test/support/until.ts'
import { house, take } from './house-for-test.ts'
import type { Peer } from './peer.ts'

describe('a peer that does not read', () => {
  const frame = 'x'.repeat(16 * 1024)

  it('is closed with 1008 when more than 1 MiB waits for it, and dropped when it does not take that either', async () => {
    const { open, all } = await house()
    const both = await open()
    both.client.pause()
    while (both.socket.isOpen) both.socket.send(frame)
    expect(both.socket.buffered).toBeLessThan(1024 * 1024 + 2 * frame.length)
    both.client.resume()
    expect(await both.closed).toEqual({ code: 1008, reason: 'consumer-too-slow' })
    const deaf = await open()
    deaf.client.pause()
    while (deaf.socket.isOpen) deaf.socket.send(frame)
    // It never hears of it, so the server waits for an answer in vain.
    await deaf.over
    expect(all.counts()).toEqual({ door: 0 })
    deaf.client.terminate()
  })

  it('misses what is only relayed, and stays', async () => {
    const { open } = await house()
    const both = await open()
    both.client.pause()
    while (both.socket.buffered < 64 * 1024) both.socket.relay(frame)
    const full = both.socket.buffered
    for (let more = 0; more < 1_000; more++) both.socket.relay(frame)
    expect(both.socket.buffered).toBe(full)
    both.client.resume()
    await both.socket.drained()
    both.socket.relay('again')
    await until(() => both.frames.at(-1)?.data.toString() === 'again')
    expect(both.socket.isOpen).toBe(true)
  })

  it('may be sent small things while a turn fills its queue', async () => {
    const { open } = await house()
    const both = await open()
    both.client.pause()
    while (both.socket.write('x'.repeat(64 * 1024)));
    both.socket.write('y'.repeat(4 * 1024 * 1024))
    both.socket.send('small')
    expect(both.socket.isOpen).toBe(true)
    while (both.socket.isOpen) both.socket.send(frame)
    both.client.resume()
    expect(await both.closed).toMatchObject({ reason: 'consumer-too-slow' })
  })
})

describe('a heartbeat', () => {
  it('keeps who takes what it is sent, though it answers no ping', async () => {
    const { open, all } = await house()
    // The library's own client, with its tongue tied.
    const mute = await open('/door/a', { autoPong: false } as ClientOptions)
    const peer = mute.socket as Peer
    peer.beat()
    await once(mute.client, 'ping')
    peer.send('here')
    await take(mute, 1)
    peer.beat()
    expect(peer.isOpen).toBe(true)
    peer.beat()
    expect(await mute.closed).toMatchObject({ code: 1006 })
    await mute.over
    expect(all.counts()).toEqual({ door: 0 })
  })
})

describe('compression', () => {
  it('is for those who offer it, and for frames above 1 KiB', async () => {
    const { open } = await house()
    const long = 'x'.repeat(10_000)
    for (const perMessageDeflate of [true, false]) {
      const both = await open('/door/a', { perMessageDeflate })
      const { _socket: stream } = both.client as unknown as { _socket: { bytesRead: number } }
      const before = stream.bytesRead
      both.socket.send(long)
      both.socket.send('y'.repeat(1_000))
      expect((await take(both, 2))[0]).toBe(long)
      const read = stream.bytesRead - before
      expect(read > 1_000 && read < 2_000).toBe(perMessageDeflate)
    }
  })
})

import { expect, it, vi } from 'vitest'
import { startParley } from '#test/support/parley.ts'
import { close } from '#test/support/raw-frames.ts'
import { dial, handshake } from '#test/support/raw-websocket.ts'
import { doors } from './doors.ts'

it.each(doors)('a server that stops says 1001 on $name, and waits for nobody who does not answer', async (door) => {
  const parley = await startParley()
  const clients = [dial(parley.url), dial(parley.url)] as const
  for (const client of clients) {
    client.write(handshake({ path: door.path(), headers: door.headers(parley) }))
    expect((await client.answer).status).toBe(101)
  }
  const [polite, silent] = clients
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const stopped = parley.close()
    expect(await polite.closing()).toEqual({ code: 1001, reason: 'Server is stopping' })
    expect((await silent.closing()).code).toBe(1001)
    polite.write(close(1001))
    expect(await polite.ended).toBe('end')
    vi.advanceTimersByTime(60_000)
    await silent.ended
    await stopped
  } finally {
    vi.useRealTimers()
  }
})

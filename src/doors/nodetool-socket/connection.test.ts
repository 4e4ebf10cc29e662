import { decode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { noUsage, type Principal, type TurnEvent, type TurnRequest } from '#contracts/index.ts'
import { scriptedTurns } from '#test/support/scripted-turns.ts'
import type { Socket } from '../gate/sockets/index.ts'
import { Connection } from './connection.ts'
import type { NodeToolSocketDeps } from './deps.ts'
import { followers } from './followers.ts'
import { heartbeat } from './heartbeat.ts'

const end: TurnEvent = { type: 'turn-end', outcome: 'completed', finishReason: 'stop', usage: noUsage, costMicros: 0 }
const principal = {
  user: { id: 1, publicId: 'u' },
  workspace: { id: 1, publicId: 'w' },
  scopes: new Set(['read', 'write']),
}

function house() {
  const turns = scriptedTurns()
  const crowd = followers<Connection>()
  const sent: unknown[] = []
  const socket = {
    isOpen: true,
    buffered: 0,
    send: (data: string | Uint8Array) => void sent.push(typeof data === 'string' ? JSON.parse(data) : decode(data)),
    relay: (data: string | Uint8Array) => socket.send(data),
    write: (data: string | Uint8Array) => {
      socket.send(data)
      return true
    },
    drained: async () => undefined,
    close: () => undefined,
  }
  const deps = {
    turns: turns.room,
    auth: { renew: async (who: Principal) => who },
    conversations: { find: async () => undefined },
    limits: { check: () => undefined },
    now: () => 1_700_000_000_500,
    log: { error: () => undefined },
  } as unknown as NodeToolSocketDeps
  const connection = new Connection(
    deps,
    crowd,
    heartbeat(25_000),
    socket as Socket,
    principal as unknown as Principal,
    '127.0.0.1',
  )
  return { turns, crowd, sent, socket, connection }
}

describe('a connection', () => {
  it('beats with a frame of its own, in seconds', () => {
    const { connection, sent } = house()
    connection.beat()
    expect(sent).toEqual([{ type: 'ping', ts: 1_700_000_000.5 }])
    connection.closed()
  })

  it('follows its conversation until it is closed', async () => {
    const { connection, turns, crowd } = house()
    const said = connection.message('{"role":"user","content":"Hello"}')
    const turn = await turns.next()
    await said
    expect([...crowd.of('conversation-1')]).toEqual([connection])
    turn.happen([end])
    connection.closed()
    expect([...crowd.of('conversation-1')]).toEqual([])
  })

  it('that is closed while its message begins to be answered follows nothing and shows nothing, for ever', async () => {
    const { connection, turns, crowd, socket, sent } = house()
    const said = connection.message('{"role":"user","content":"Hello"}')
    socket.isOpen = false
    connection.closed()
    const turn = await turns.next()
    await said
    turn.happen([end])
    expect([...crowd.of('conversation-1')]).toEqual([])
    await new Promise(setImmediate)
    expect([...connection.shown]).toEqual([])
    expect(sent).toEqual([])
  })

  it('shows 64 turns and no more', async () => {
    const { connection, turns, sent } = house()
    const request = { target: { type: 'model', model: 'sim' } } as TurnRequest
    for (let n = 0; n < 65; n++) {
      const { id } = await turns.room.start(request)
      await connection.message(JSON.stringify({ type: 'resume', turn_id: id }))
    }
    expect([...connection.shown]).toHaveLength(64)
    expect(sent).toMatchObject([{ type: 'error', code: 'overloaded', status_code: 503, retry_after: 1 }])
    connection.closed()
  })
})

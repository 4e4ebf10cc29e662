import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { expect, it } from 'vitest'
import { emptyTurn, type TurnState } from '#contracts/index.ts'
import { resultOrLeave } from './stream.ts'

it.each(['before it was waited for', 'while it was waited for'])(
  'a turn whose client left %s has a reader less',
  async (when) => {
    const response = Object.assign(new EventEmitter(), { destroyed: when.startsWith('before') })
    const result = Promise.withResolvers<TurnState>()
    let left = 0
    const turn = { wait: () => ({ result: result.promise, leave: () => void left++ }) }
    const answer = resultOrLeave({ raw: response } as unknown as FastifyReply, turn)
    if (!response.destroyed) response.emit('close')
    expect(left).toBe(1)
    result.resolve(emptyTurn)
    expect(await answer).toBe(emptyTurn)
  },
)

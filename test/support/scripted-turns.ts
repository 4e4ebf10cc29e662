import {
  type Envelope,
  emptyTurn,
  reduce,
  type TurnCommand,
  type TurnEvent,
  type TurnRequest,
} from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { Turn, TurnReader, Turns, TurnView } from '#turns/index.ts'

/** A turn whose events a test makes up. */
export interface ScriptedTurn {
  id: string
  request: TurnRequest
  /** What it was told from outside. */
  commands: TurnCommand[]
  /** Resolves with the first of them. */
  commanded: Promise<TurnCommand>
  /** Events happen, one after the other; the last of a turn is its turn-end. `path` locates nested work. */
  happen(events: TurnEvent[], path?: string[]): void
}

interface Script extends ScriptedTurn {
  log: Envelope[]
  wake: Set<() => void>
  tell(command: TurnCommand): void
}

/**
 * In the place of the turns room, for what no engine of this server does yet. Events are told as the room tells them: in
 * order, with seq from 1, to any number of readers at any cursor.
 */
export function scriptedTurns() {
  const turns = new Map<string, Script>()
  const began: ((turn: ScriptedTurn) => void)[] = []
  const waiting: ScriptedTurn[] = []

  function find(id: string): Script {
    const turn = turns.get(id)
    if (!turn) throw new AppError('not-found', 'Turn not found')
    return turn
  }

  function isOver({ log }: Script): boolean {
    return log.at(-1)?.event.type === 'turn-end'
  }

  function read(turn: Script, after: number): TurnReader {
    let at = after
    let left = false
    let wake: () => void = () => undefined
    const over = { done: true as const, value: undefined }
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      async next() {
        while (!left) {
          const batch = turn.log.slice(at)
          at = Math.max(at, turn.log.length)
          if (batch.length > 0) return { done: false, value: batch }
          if (isOver(turn)) return over
          await new Promise<void>((resolve) => {
            wake = resolve
            turn.wake.add(resolve)
          })
        }
        return over
      },
      async return() {
        left = true
        wake()
        return over
      },
    }
  }

  function face(turn: Script): Turn {
    const result = async () => turn.log.reduce((state, { event }) => reduce(state, event), emptyTurn)
    return {
      id: turn.id,
      conversationId: 'conversation-1',
      appId: turn.request.target.type === 'app' ? turn.request.target.appId : undefined,
      model: 'sim',
      createdAt: 0,
      replayed: false,
      read: (after = 0) => read(turn, after),
      result,
      wait: () => ({ result: result(), leave: () => undefined }),
    } as Turn
  }

  const room: Pick<Turns, 'start' | 'attach' | 'command' | 'view' | 'onStart'> = {
    async start(request) {
      const id = `turn-${turns.size + 1}`
      const first = Promise.withResolvers<TurnCommand>()
      const turn: Script = {
        id,
        request,
        commands: [],
        commanded: first.promise,
        log: [],
        wake: new Set(),
        tell(command) {
          turn.commands.push(command)
          first.resolve(command)
        },
        happen(events, path = []) {
          for (const event of events)
            turn.log.push({ turnId: id, seq: turn.log.length + 1, at: 0, audience: 'members', path, event })
          for (const wake of turn.wake) wake()
          turn.wake.clear()
        },
      }
      turns.set(id, turn)
      const wanted = began.shift()
      if (wanted) wanted(turn)
      else waiting.push(turn)
      return face(turn)
    },
    attach: async (_, id) => face(find(id)),
    async command(_, id, command) {
      const turn = find(id)
      if (isOver(turn)) return 'ended'
      turn.tell(command)
      return 'applied'
    },
    async view(_, id) {
      const turn = find(id)
      const { status } = turn.log.reduce((state, { event }) => reduce(state, event), emptyTurn)
      const appId = turn.request.target.type === 'app' ? turn.request.target.appId : undefined
      return { id, status, appId } as TurnView
    },
    onStart: () => () => undefined,
  }

  return {
    room,
    /** The next turn that is started. */
    next: (): Promise<ScriptedTurn> =>
      new Promise((resolve) => {
        const there = waiting.shift()
        if (there) resolve(there)
        else began.push(resolve)
      }),
  }
}

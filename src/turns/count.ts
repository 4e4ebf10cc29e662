import type { Cell, Metrics } from '#lib/metrics.ts'
import type { Turns } from './turns.ts'

/** Counts turns by the door that asked. Gives each door the same turns, with its own name on what it resumes. */
export function countTurns(turns: Turns, metrics: Metrics): (door: string) => Turns {
  const started = metrics.counter('parley_turns_started_total', 'Turns started.', ['door'])
  const ended = metrics.counter('parley_turns_ended_total', 'Turns ended, by how.', ['door', 'outcome'])
  const resumed = metrics.counter('parley_turn_resumes_total', 'Readings that went on where one had stopped.', ['door'])
  metrics.gauge('parley_turns_running', 'Turns that run now.', [], () => [[turns.runningCount()]])

  const known = new Map<string, Map<string, Cell>>()

  /** The counter's own lookup makes a key of both labels; every turn asks. */
  function endsOf(door: string, outcome: string): Cell {
    const cells = known.get(door) ?? new Map<string, Cell>()
    const cell = cells.get(outcome) ?? ended.cell(door, outcome)
    if (cells.size === 0) known.set(door, cells)
    cells.set(outcome, cell)
    return cell
  }

  turns.countInto({
    started: (door) => void started.cell(door).value++,
    ended: (door, status) => void endsOf(door, status).value++,
  })

  return (door) => {
    const resumes = resumed.cell(door)
    return {
      ...turns,
      async attach(principal, id) {
        const turn = await turns.attach(principal, id)
        const read = turn.read.bind(turn)
        turn.read = (after = 0) => {
          if (after > 0) resumes.value++
          return read(after)
        }
        return turn
      },
    }
  }
}

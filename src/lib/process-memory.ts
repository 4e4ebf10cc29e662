import { executionAsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A minute in which the process did less than this part of the time is an idle one. */
const idleBelow = 0.02
const lookEveryMs = 60_000
/** So many idle minutes, and nobody is near who could feel the pause of a collection. */
const idleLooks = 5

/**
 * Gives memory back after five idle minutes, once. `npm start` tells V8 (`--no-memory-reducer`) not to do it by itself
 * after a few quiet seconds: with the room it gives back every object shape of which nothing lives at the time, and with
 * these the code that was optimized for them, so that the seconds after a pause cost twice as much
 * (docs/decisions: warm after a pause). Only tests give another `release`.
 */
export function releaseWhenIdle(release: () => void = releaseMemory): void {
  let last = performance.eventLoopUtilization()
  let idle = 0
  setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last)
    last = performance.eventLoopUtilization()
    idle = utilization < idleBelow ? idle + 1 : 0
    if (idle === idleLooks) release()
  }, lookEveryMs).unref()
}

/**
 * Collects everything that is garbage and gives the room back to the system: about 0.1 s in which nothing else happens.
 * V8 would keep the room until it had reason to look.
 */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/**
 * Objects of the kind that Node makes for every `process.nextTick`, a dozen of them a request. Their keys are computed
 * where they are written; V8 forgets the shape of which no object lives when memory is collected, and code that then meets another
 * shape than it knew defines such keys the slow way from then on (docs/decisions: shapes that are held).
 */
const held: object[] = []

/** Call it once, before memory is collected for the first time. */
export function holdShapes(): void {
  process.nextTick(() => void held.push(executionAsyncResource()))
}

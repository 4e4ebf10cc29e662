import { executionAsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A time in which the process did less than this part of it is an idle one. */
const idleBelow = 0.02
/** A start ends with its first idle moment: nobody waits for an answer then. */
const startLookMs = 250
const lookEveryMs = 60_000
/** So many idle minutes, and nobody is near who could feel the pause of a collection. */
const idleLooks = 5

/**
 * Gives memory back in the first idle moment (what was only needed to start, sources and half-made schemas, is a third of
 * it), and after five idle minutes, once. `npm start` tells V8 (`--no-memory-reducer`) not to do it by itself
 * after a few quiet seconds: with the room it gives back every object shape of which nothing lives at the time, and with
 * these the code that was optimized for them, so that the seconds after a pause cost twice as much
 * (docs/decisions: warm after a pause). Only tests give another `release`.
 */
export function releaseWhenIdle(release: () => void = releaseMemory): void {
  const start = onIdle(startLookMs, () => {
    clearInterval(start)
    release()
  })
  onIdle(lookEveryMs, (looks) => {
    if (looks === idleLooks) release()
  })
}

/** Looks every `everyMs`; told how many idle looks there were without a break. */
function onIdle(everyMs: number, tell: (looks: number) => void): NodeJS.Timeout {
  let last = performance.eventLoopUtilization()
  let looks = 0
  return setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last)
    last = performance.eventLoopUtilization()
    looks = utilization < idleBelow ? looks + 1 : 0
    if (looks > 0) tell(looks)
  }, everyMs).unref()
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

/** Child processes of the benchmark, each on its own core. */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import type { Job, ResultOf } from './load-jobs.ts'

/** Servers under test have core 0 to themselves; mock, load and driver share core 1. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

export const canPin = availableParallelism() >= 2 && hasTaskset()

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts a command on one core; `taskset` becomes the command, so the pid is the command's own. */
export function spawnPinned(core: number, command: string[], options: SpawnOptions): ChildProcess {
  const [program, ...rest] = canPin ? ['taskset', '-c', String(core), ...command] : command
  return spawn(program!, rest, options)
}

export function pinDriver(): void {
  if (canPin) execFileSync('taskset', ['-a', '-cp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' })
}

function spawnHelper(script: string): ChildProcess {
  const path = new URL(script, import.meta.url).pathname
  return spawnPinned(LOAD_CORE, [process.execPath, path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

export type Mock = { port: number; pid: number; stop(): void }

export async function startMock(): Promise<Mock> {
  const child = spawnHelper('mock-upstream.ts')
  const [message] = (await once(child, 'message')) as [{ port: number }]
  return { port: message.port, pid: child.pid!, stop: () => child.kill() }
}

/** Runs one job at a time; rejects when the load process dies. */
export type Load = { pid: number; run<J extends Job>(job: J): Promise<ResultOf<J>>; stop(): void }

export function startLoad(): Load {
  const child = spawnHelper('load.ts')
  return {
    pid: child.pid!,
    run: (job) =>
      new Promise((resolve, reject) => {
        const died = () => reject(new Error('the load generator died'))
        child.once('exit', died)
        child.once('message', (result) => {
          child.off('exit', died)
          resolve(result as ResultOf<typeof job>)
        })
        child.send(job)
      }),
    stop: () => child.kill(),
  }
}

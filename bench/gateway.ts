/** Starts and stops a server under test on its own core, and reads what it cost. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { SERVER_CORE, spawnPinned } from './children.ts'
import type { Target } from './load-jobs.ts'
import { cpuMicros, rssKilobytes } from './process-figures.ts'
import { type Deployment, newDeployment, type Subject } from './subjects.ts'

const READY_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 15_000

export type Server = Target & {
  subject: Subject
  deployment: Deployment
  spawnedAt: number
  cpuMicros(): number
  rssKilobytes(): number
  /** Throws with the end of the server's log when it has died. */
  assertAlive(): void
  /** SIGTERM, then SIGKILL when it does not leave in time. */
  stop(): Promise<void>
}

export type StartOptions = { mockPort: number; deployment?: Deployment; nodeArguments?: string[] }

const living = new Set<ChildProcess>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function freshDeployment(): Deployment {
  const dataDir = mkdtempSync(`${tmpdir()}/parley-bench-`)
  folders.add(dataDir)
  return newDeployment(dataDir)
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Starts a server without waiting for it; `waitUntilReady` does that. */
export async function spawnServer(subject: Subject, options: StartOptions): Promise<Server> {
  const deployment = options.deployment ?? freshDeployment()
  const port = await findFreePort()
  const logPath = `${deployment.dataDir}/bench-server.log`
  const log = openSync(logPath, 'a')
  const flags = [...(subject.nodeArguments ?? []), ...(options.nodeArguments ?? [])]
  const command = [process.execPath, ...flags, subject.script]
  // Not the machine's own environment: options for Node or certificates to read would be counted as the server's.
  const settings = subject.environment(deployment, port, options.mockPort)
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', ...settings }
  const spawnedAt = performance.now()
  const child = spawnPinned(SERVER_CORE, command, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  living.add(child)
  child.once('exit', () => living.delete(child))
  const pid = child.pid!

  return {
    subject,
    deployment,
    port,
    key: deployment.key,
    spawnedAt,
    cpuMicros: () => cpuMicros(pid),
    rssKilobytes: () => rssKilobytes(pid),
    assertAlive: () => {
      if (living.has(child)) return
      throw new Error(`${subject.name} died:\n${readFileSync(logPath, 'utf8').slice(-3000)}`)
    },
    stop: async () => {
      if (!living.has(child)) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await gone
      clearTimeout(impatience)
    },
  }
}

/** Asks until `ask` answers true; throws at the limit or when the server has died. */
export async function waitFor(server: Server, intervalMs: number, ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS
  while (performance.now() < deadline) {
    server.assertAlive()
    if (await ask().catch(() => false)) return
    await delay(intervalMs)
  }
  throw new Error(`${server.subject.name} was not ready in ${READY_LIMIT_MS} ms`)
}

export async function startServer(subject: Subject, options: StartOptions): Promise<Server> {
  const server = await spawnServer(subject, options)
  await waitFor(server, 20, async () => {
    const { statusCode, body } = await request(`http://127.0.0.1:${server.port}/health/readiness`)
    await body.dump()
    return statusCode === 200
  })
  return server
}

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { buildParley, type Overrides, type Parley } from '#app.ts'
import { readEnv } from '#config/index.ts'
import type { DatabaseKind } from './databases.ts'

export const ownerEmail = 'owner@example.test'
export const ownerPassword = 'correct horse battery'

/** Where a server keeps its things, outliving one process so that tests can kill it and start the next. */
export interface Home {
  kind: DatabaseKind
  /** PARLEY_DATA, and DATABASE_URL on PostgreSQL. */
  env: Record<string, string>
  remove(): Promise<void>
}

/** A fresh home. PostgreSQL needs PARLEY_TEST_DATABASE_URL, as databaseKinds says. */
export async function makeHome(kind: DatabaseKind = 'sqlite'): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-home-'))
  const removeFolder = () => rm(folder, { recursive: true, force: true })
  if (kind === 'sqlite') return { kind, env: { PARLEY_DATA: folder }, remove: removeFolder }
  const server = process.env.PARLEY_TEST_DATABASE_URL!
  const name = `parley_home_${randomBytes(8).toString('hex')}`
  const onServer = async (query: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(query).finally(() => client.end())
  }
  await onServer(`create database ${name} template template0`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    kind,
    env: { PARLEY_DATA: folder, DATABASE_URL: url.toString() },
    async remove() {
      await removeFolder()
      await onServer(`drop database if exists ${name} with (force)`)
    },
  }
}

export interface StartOptions {
  kind?: DatabaseKind
  /** Continue in this home; it is then the test's to remove. */
  home?: Home
  /** Base URL of an upstream simulator. */
  upstreamUrl?: string
  /** More variables; limits are off unless PARLEY_LIMITS says otherwise. */
  env?: Record<string, string>
}

export interface RunningParley {
  /** `http://127.0.0.1:<port>`. */
  url: string
  /** The owner's API key. */
  key: string
  /** Headers of a JSON request by the owner. */
  headers: Record<string, string>
  home: Home
}

function environment(options: StartOptions, home: Home, key: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
    PARLEY_LIMITS: 'off',
    PARLEY_OWNER_EMAIL: ownerEmail,
    PARLEY_OWNER_PASSWORD: ownerPassword,
    PARLEY_OWNER_KEY: key,
    ...home.env,
    ...(options.upstreamUrl && { OPENAI_API_KEY: 'sk-upstream-secret', OPENAI_BASE_URL: options.upstreamUrl }),
    ...options.env,
  }
}

function running(url: string, key: string, home: Home): RunningParley {
  return { url, key, home, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }
}

/** The whole server in this process, on a port of its own. */
export async function startParley(
  options: StartOptions & { overrides?: Overrides } = {},
): Promise<RunningParley & { parley: Parley; close(graceMs?: number): Promise<void> }> {
  const home = options.home ?? (await makeHome(options.kind))
  const key = `parley_test_${home.env.PARLEY_DATA!.slice(-6)}_0123456789`
  const config = readEnv(environment(options, home, key))
  const parley = await buildParley(config, { localOllama: false, ...options.overrides })
  await parley.server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = parley.server.server.address() as AddressInfo
  return {
    ...running(`http://127.0.0.1:${port}`, key, home),
    parley,
    async close(graceMs = 2_000) {
      await parley.close(graceMs)
      if (!options.home) await home.remove()
    },
  }
}

export interface ParleyProcess extends RunningParley {
  child: ChildProcess
  /** Sends a signal; resolves with the exit code (or the signal's name) when the process is gone. */
  stop(signal: NodeJS.Signals): Promise<number | string | null>
  /** Everything it printed so far. */
  output(): string
}

/**
 * The server as a process of its own, as `npm start` runs it; for what cannot be done to one's own process. `shell`
 * wraps the command (limits, mounts): it gets the command line to `exec`.
 */
export async function spawnParley(
  options: StartOptions & { shell?: (command: string) => string } = {},
): Promise<ParleyProcess> {
  const home = options.home ?? (await makeHome(options.kind))
  const key = `parley_test_${home.env.PARLEY_DATA!.slice(-6)}_0123456789`
  const env = {
    ...process.env,
    ...environment(options, home, key),
    OLLAMA_HOST: options.env?.OLLAMA_HOST ?? 'http://127.0.0.1:9',
  }
  const command = `${process.execPath} src/start.js`
  const child = options.shell
    ? spawn('sh', ['-c', options.shell(`exec ${command}`)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    : spawn(process.execPath, ['src/start.js'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const gone = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal))
  })
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      const found = /listens on (http:\/\/\S+)/.exec(output)
      if (found) resolve(found[1]!)
    }
    child.stdout!.on('data', read)
    child.stderr!.on('data', read)
    void gone.then((code) => reject(new Error(`the server ended with ${code} before it listened:\n${output}`)))
  })
  return {
    ...running(url, key, home),
    child,
    output: () => output,
    stop(signal) {
      child.kill(signal)
      return gone
    },
  }
}

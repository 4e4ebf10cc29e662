/** How each server under test is started: the baseline, and the gateway that is compared with it. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import packageJson from '../package.json' with { type: 'json' }

const root = new URL('..', import.meta.url).pathname

/** What survives a restart of a server: its data folder and its owner. */
export type Deployment = { dataDir: string; key: string; email: string; password: string }

export type Subject = {
  name: string
  script: string
  /** Flags of Node. */
  nodeArguments?: string[]
  environment(deployment: Deployment, port: number, mockPort: number): Record<string, string>
  /** Turns stored so far; absent for a server that stores none. */
  countTurns?(deployment: Deployment): number
}

export function newDeployment(dataDir: string): Deployment {
  const secret = randomBytes(16).toString('hex')
  return { dataDir, key: `parley_bench_${secret}`, email: 'bench@localhost', password: `Bench-${secret}` }
}

export const bareProxy: Subject = {
  name: 'bare proxy',
  script: `${root}bench/bare-proxy.ts`,
  environment: (_, port, mockPort) => ({ PORT: String(port), UPSTREAM: `http://127.0.0.1:${mockPort}` }),
}

const UNREACHED_LIMIT = '1000000000/min'

export const parley: Subject = {
  name: 'Parley',
  script: `${root}src/start.js`,
  // As `npm start` runs it.
  nodeArguments: packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--')),
  environment: (deployment, port, mockPort) => ({
    HOST: '127.0.0.1',
    PORT: String(port),
    PARLEY_DATA: deployment.dataDir,
    OPENAI_API_KEY: 'bench',
    OPENAI_BASE_URL: `http://127.0.0.1:${mockPort}/v1`,
    PARLEY_OWNER_KEY: deployment.key,
    PARLEY_OWNER_EMAIL: deployment.email,
    PARLEY_OWNER_PASSWORD: deployment.password,
    PARLEY_LIMIT_CHAT: UNREACHED_LIMIT,
    PARLEY_LIMIT_IP: UNREACHED_LIMIT,
    PARLEY_LIMIT_USER: UNREACHED_LIMIT,
    PARLEY_SOCKETS_PER_IP: '100000',
    PARLEY_SOCKETS_PER_USER: '100000',
    LOG_LEVEL: 'warn',
  }),
  countTurns: (deployment) => {
    const path = `${deployment.dataDir}/parley.db`
    if (!existsSync(path)) return 0
    const database = new DatabaseSync(path, { readOnly: true })
    try {
      return Number(database.prepare('select count(*) as turns from turns').get()?.turns)
    } finally {
      database.close()
    }
  },
}

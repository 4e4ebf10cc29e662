/** The process, begun by `start.js`: read the environment, build the server, listen, and on SIGTERM or SIGINT let turns settle and leave. */
import { buildParley, type Parley } from './app.ts'
import { readEnv } from './config/index.ts'
import { AppError } from './errors/index.ts'
import { holdShapes, releaseWhenIdle } from './lib/process-memory.ts'

async function main(): Promise<void> {
  holdShapes()
  const config = readEnv(process.env)
  const parley = await buildParley(config)
  // Before anything else can fail, as when the port is taken: what is told here is told once and kept nowhere.
  tellOfFirstStart(parley.firstStart)
  const address = await parley.server.listen({ host: config.host, port: config.port }).catch((thrown) => {
    throw hostIsAtFault.has(thrown.code) ? notOurs(config.host, thrown) : thrown
  })
  releaseWhenIdle()
  console.log(`Parley listens on ${address}`)

  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    parley.server.log.info({ signal }, 'stopping')
    // No process.exit: when everything is closed nothing keeps the process, and its exit code is 0.
    parley.close(config.stopGraceMs).catch((err) => {
      parley.server.log.error({ err }, 'stopping failed')
      // What is left open then would keep the process.
      process.exit(1)
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

const hostIsAtFault = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

function notOurs(host: string, cause: Error): AppError {
  const message = `The environment variable HOST must be an address of this machine, or its name, and not ${JSON.stringify(host)}`
  return new AppError('invalid-request', `${message} (${cause.message})`, { cause })
}

function tellOfFirstStart({ created, email, password, apiKey }: Parley['firstStart']): void {
  if (!created) return
  console.log(`\nFirst start. Owner account: ${email}${password === undefined ? '' : `   password: ${password}`}`)
  if (apiKey !== undefined) console.log(`API key (shown once):   ${apiKey}\n`)
}

main().catch((thrown) => {
  // What an operator can mend is told in one line; anything else with its stack.
  const isMendable = thrown instanceof AppError || thrown?.syscall !== undefined
  console.error(isMendable ? `Parley cannot start: ${thrown.message}` : thrown)
  // What was opened before it failed, above all connections to a database, would keep a process that serves nobody.
  process.exit(1)
})

/** The process, begun by `start.js`: read the environment, build the server, listen, and on SIGTERM or SIGINT let turns settle and leave. */
import { buildParley } from './app.ts'
import { readEnv } from './config/index.ts'
import { AppError } from './errors/index.ts'
import { holdShapes, releaseMemory, releaseWhenIdle } from './lib/process-memory.ts'

async function main(): Promise<void> {
  holdShapes()
  const config = readEnv(process.env)
  const parley = await buildParley(config)
  const address = await parley.server.listen({ host: config.host, port: config.port })
  // What was only needed to start (sources, half-made schemas) is garbage by now: a third of the memory.
  releaseMemory()
  releaseWhenIdle()
  const { created, email, password, apiKey } = parley.firstStart
  console.log(`Parley listens on ${address}`)
  if (created) {
    console.log(`\nFirst start. Owner account: ${email}${password === undefined ? '' : `   password: ${password}`}`)
    if (apiKey !== undefined) console.log(`API key (shown once):   ${apiKey}\n`)
  }

  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    parley.server.log.info({ signal }, 'stopping')
    // No process.exit: when everything is closed nothing keeps the process, and its exit code is 0.
    parley.close(config.stopGraceMs).catch((err) => {
      parley.server.log.error({ err }, 'stopping failed')
      process.exitCode = 1
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch((thrown) => {
  // What an operator can mend is told in one line; anything else with its stack.
  console.error(thrown instanceof AppError ? `Parley cannot start: ${thrown.message}` : thrown)
  process.exitCode = 1
})

/** Liveness and readiness for whatever watches the process. Public, and in the shape of CONTRACTS §1.5. */
import type { MachineLoad } from '#lib/machine-load.ts'
import type { Scoped } from '../gate/index.ts'

export interface HealthDoorDeps {
  version: string
  now(): number
  /** Undefined when the server can take turns, else why not. */
  notReady(): Promise<string | undefined>
  /** Undefined when files can be stored, else why not. Turns do without, so it makes nothing unready. */
  noBlobs(): Promise<string | undefined>
  load(): Promise<MachineLoad>
}

const open = (summary: string) => ({ schema: { tags: ['health'], summary }, config: { auth: 'public' } }) as const

export function healthDoor(door: Scoped, deps: HealthDoorDeps): void {
  const timestamp = () => new Date(deps.now()).toISOString()

  door.get('/health/liveness', open('Whether the process lives'), async () => ({
    status: 'alive',
    timestamp: timestamp(),
  }))

  door.get('/health/readiness', open('Whether it can take turns'), async (_, reply) => {
    const reason = await deps.notReady()
    if (reason === undefined) return { status: 'ready', timestamp: timestamp() }
    return reply.code(503).send({ status: 'not_ready', timestamp: timestamp(), reason })
  })

  // NodeTool's clients look for "healthy" here (CONTRACTS §2.3).
  door.get('/health', open('Health in one word'), async (_, reply) => {
    const reason = await deps.notReady()
    const status = reason === undefined ? 'healthy' : 'unhealthy'
    return reply.code(reason === undefined ? 200 : 503).send({ status, timestamp: timestamp(), version: deps.version })
  })

  door.get('/api/v1/system/health', open('Health, check by check'), async (_, reply) => {
    const [reason, noBlobs, load] = await Promise.all([deps.notReady(), deps.noBlobs(), deps.load()])
    const healthy = reason === undefined
    const memory = process.memoryUsage.rss()
    return reply.code(healthy ? 200 : 503).send({
      status: healthy ? 'healthy' : 'unhealthy',
      timestamp: timestamp(),
      version: deps.version,
      checks: {
        database: { status: healthy ? 'healthy' : 'unhealthy', message: reason ?? 'OK' },
        blobs: { status: noBlobs === undefined ? 'healthy' : 'unhealthy', message: noBlobs ?? 'OK' },
        system: {
          status: 'healthy',
          message: 'OK',
          metrics: { ...load, process_rss_bytes: memory, uptime_seconds: Math.floor(process.uptime()) },
        },
      },
    })
  })
}

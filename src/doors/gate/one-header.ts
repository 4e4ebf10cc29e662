import type { FastifyRequest } from 'fastify'
import { invalid } from '#errors/index.ts'

const longest = 255

/** A key or session id in a header; undefined when it was not sent. Throws for what none looks like. */
export function oneHeader(request: FastifyRequest, name: 'x-session-id' | 'idempotency-key'): string | undefined {
  const value = request.headers[name]
  if (value === undefined) return undefined
  const text = Array.isArray(value) ? value.join(',') : value
  if (text === '' || text.length > longest) throw invalid(name, `${name} must have 1 to ${longest} characters`)
  return text
}

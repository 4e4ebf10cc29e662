import type { FastifyInstance } from 'fastify'
import { invalid } from '#errors/index.ts'

const mostBytes = 16 * 1024

/** Lets a scope take form-encoded bodies, as objects of texts. RFC 6749 §3.2: empty is absent, twice is an error. */
export function takeForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: mostBytes },
    (_request, body, done) => {
      const fields: Record<string, string> = Object.create(null)
      for (const [name, value] of new URLSearchParams(body as string)) {
        if (value === '') continue
        if (name in fields) return done(invalid(name, `${name} is given twice`, 'malformed'))
        fields[name] = value
      }
      done(null, { ...fields })
    },
  )
}

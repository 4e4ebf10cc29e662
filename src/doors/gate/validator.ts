import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'
import { type AppError, invalid } from '#errors/index.ts'
import { isDeeperThan } from '#lib/depth.ts'
import { isUuid } from '#lib/uuid.ts'
import { deepest, takeJson } from './json-body.ts'
import { toInvalid } from './schema-errors.ts'

/**
 * Bodies are JSON and taken at their word (`"true"` is no boolean); what stands in a URL is text and is read as what
 * the schema wants. Unknown fields are left alone: no handler copies a body as a whole. What a POST may leave out it may
 * also send as null, as clients do that write down every field they know; a PATCH or PUT may mean something by null.
 */
export function useValidators(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain')
  takeJson(server)
  // `1e999` is Infinity once it is parsed: no number here may be that.
  const options = {
    allErrors: false,
    strict: false,
    strictNumbers: true,
    verbose: true,
    useDefaults: true,
    // The first request waits for what is made here. Our own schemas need no checking (a test does), and V8 optimizes the code anyway.
    validateSchema: false,
    code: { optimize: false },
  }
  const strict = new Ajv({ ...options, coerceTypes: false })
  const coercing = new Ajv({ ...options, coerceTypes: true })
  // @note the package is CommonJS, and its default export lies one deeper for an ES module.
  const addFormats = formats as unknown as (ajv: Ajv) => void
  for (const ajv of [strict, coercing]) {
    addFormats(ajv)
    // Theirs also takes `urn:uuid:…`, which no id here is.
    ajv.addFormat('uuid', isUuid)
  }
  server.setValidatorCompiler(({ schema, httpPart, method }) => {
    const isBody = httpPart === 'body'
    const takesNull = isBody && method === 'POST'
    let check: ValidateFunction | undefined
    return (value) => {
      // Compiled when first asked for: doing it for every route would be half of the server's start.
      check ??= (isBody ? strict : coercing).compile(schema as object)
      while (!check(value)) {
        const errors = check.errors ?? []
        if (takesNull && leftOut(errors, schema as Shape, value as Fields)) continue
        return { error: toInvalid(errors, isBody ? '' : (httpPart ?? '')) }
      }
      const error = isBody ? tooDeep(value) : undefined
      return error ? { error } : { value }
    }
  })
}

type Shape = { required?: string[] }
type Fields = Record<string, unknown>

/** Removes a null that is refused in a field that need not be there; false when none is. */
function leftOut(errors: readonly ErrorObject[], { required = [] }: Shape, body: Fields): boolean {
  const field = errors
    .map(({ instancePath }) => instancePath.slice(1))
    .find((name) => name !== '' && body[name] === null && !required.includes(name))
  if (field === undefined) return false
  delete body[field]
  return true
}

function tooDeep(body: unknown): AppError | undefined {
  if (!isDeeperThan(body, deepest)) return undefined
  const field = Object.entries(body as object).find(([, value]) => isDeeperThan(value, deepest - 1))?.[0] ?? 'body'
  return invalid(field, `${field} is nested too deeply`)
}

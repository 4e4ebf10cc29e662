import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type AppError, invalid } from '#errors/index.ts'
import { takeBody } from '#lib/http-server/index.ts'
import { tooMuchJson } from '#lib/json-size.ts'
import { bodyTooLarge } from './errors.ts'

/** No request means anything deeper; storing and sending on recurse. */
export const deepest = 128
/** Nor anything of so many values. */
const mostValues = 200_000

type Done<T> = (error: Error | null, value?: T) => void

/** Reads JSON bodies. One with a forbidden key is told apart from what is no JSON: Fastify calls both the latter. */
export function takeJson(server: FastifyInstance): void {
  const parseWarily = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser('application/json', (request, payload, done: Done<unknown>) => {
    const parse = (text: string) => {
      const tooMuch = tooMuchJson(text, { depth: deepest, values: mostValues })
      const value = !tooMuch && isHarmless(text) ? parsed(text) : undefined
      if (tooMuch) done(invalid('body', `The body ${tooMuch}`))
      else if (value !== undefined) done(null, value)
      else
        parseWarily(request, text, (error, wary) =>
          done(error && parsed(text) !== undefined ? forbidden() : error, wary),
        )
    }
    const { bodyLimit } = request.routeOptions
    if (Number(request.headers['content-length']) > bodyLimit) return done(bodyTooLarge())
    const whole = takeBody(payload)
    if (whole) parse(whole.toString())
    else collect(payload, bodyLimit, (error, text) => (error ? done(error) : parse(text!)))
  })
}

/** The text of a body that comes in pieces, of at most `most` bytes. */
function collect(payload: IncomingMessage, most: number, done: Done<string>): void {
  const pieces: Buffer[] = []
  let bytes = 0
  const take = (piece: Buffer) => {
    bytes += piece.length
    if (bytes > most) end(bodyTooLarge())
    else pieces.push(piece)
  }
  const end = (error?: AppError) => {
    payload.off('data', take).off('end', end).off('error', broken)
    if (error) done(error)
    // A character may lie in two pieces.
    else done(null, Buffer.concat(pieces, bytes).toString())
  }
  const broken = () => end(invalid('body', 'The body breaks off', 'malformed'))
  payload.on('data', take).on('end', end).on('error', broken).resume()
}

/**
 * Certainly without a forbidden key, however it is escaped. Nearly every body is, and to look for three words takes a tenth
 * of what Fastify's two patterns take.
 */
function isHarmless(text: string): boolean {
  return !text.includes('__proto__') && !text.includes('"constructor"') && !text.includes('\\u00')
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function forbidden(): AppError {
  return invalid('body', 'A key of the body may not be __proto__ or constructor.prototype', 'malformed')
}

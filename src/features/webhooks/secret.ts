import { createHmac, randomBytes } from 'node:crypto'
import { invalid } from '#errors/index.ts'

const prefix = 'whsec_'
const ownBytes = 32
const leastBytes = 24
const mostBytes = 64

export function newSecret(): string {
  return prefix + randomBytes(ownBytes).toString('base64')
}

/** A secret that somebody brings, as it is kept. Throws `invalid-request` for what is too short, too long or no base64. */
export function readSecret(text: string): string {
  const encoded = text.startsWith(prefix) ? text.slice(prefix.length) : text
  const bytes = Buffer.from(encoded, 'base64')
  // Node leaves out what is no base64 without a word.
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '')
  if (!isWhole || bytes.length < leastBytes || bytes.length > mostBytes)
    throw invalid('secret', `'secret' must be ${prefix} and ${leastBytes} to ${mostBytes} bytes in base64`)
  return prefix + bytes.toString('base64')
}

/** Standard Webhooks, v1: over the id, the attempt's time in Unix seconds, and the body as it is sent. */
export function sign(secret: string, message: { id: string; seconds: number; body: string }): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const { id, seconds, body } = message
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

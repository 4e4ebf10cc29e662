import { hash, randomBytes } from 'node:crypto'

/** SHA-256, lower-case hex. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}

/** `bytes` of randomness as base64url, after an optional prefix. */
export function randomToken(bytes: number, prefix = ''): string {
  return prefix + randomBytes(bytes).toString('base64url')
}

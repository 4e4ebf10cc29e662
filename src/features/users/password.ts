import { hash, verify } from '@node-rs/argon2'
import { AppError, invalid } from '#errors/index.ts'
import { randomToken } from '#lib/hash.ts'

/** Argon2id (the library's default algorithm) at OWASP's parameters: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const leastCharacters = 8
const mostBytes = 1024

// Hashing runs in the thread pool that also syncs the database: a flood of logins may take two threads of it, not all.
const maxAtOnce = 2
const maxWaiting = 200
let running = 0
const waiting: (() => void)[] = []

/** Throws `invalid-request` naming `field` for a password that is too short, too long or not text. */
export function checkPassword(field: string, password: string): void {
  if ([...password].length < leastCharacters)
    throw invalid(field, `'${field}' must have at least ${leastCharacters} characters`)
  if (!isAcceptable(password)) throw invalid(field, `'${field}' must be well-formed text of at most ${mostBytes} bytes`)
}

export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(password, cost))
}

/**
 * Whether `password` is the one behind `passwordHash`; without a hash, and with the empty one of who has no password, the
 * same work is done and the answer is false.
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  if (!isAcceptable(password)) return false
  const decoy = await decoyHash()
  const matches = await inTurn(() => verify(passwordHash || decoy, password))
  return matches && Boolean(passwordHash)
}

function isAcceptable(password: string): boolean {
  return password.isWellFormed() && Buffer.byteLength(password) <= mostBytes
}

let decoy: Promise<string> | undefined
function decoyHash(): Promise<string> {
  decoy ??= hash(randomToken(32), cost)
  return decoy
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= maxAtOnce) {
    if (waiting.length >= maxWaiting)
      throw new AppError('overloaded', 'Too many logins at once', { retryAfterMs: 1000 })
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

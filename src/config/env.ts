import { isIP } from 'node:net'
import proxyAddr from '@fastify/proxy-addr'
import { emailOf } from '#lib/email.ts'
import { type OutboundAllow, readOutboundAllow } from '#lib/outbound/allow.ts'
import { bad } from './bad.ts'
import { type IdentityProvider, readIdentityProvider } from './identity.ts'
import { type Rate, readRate } from './rate.ts'
import { ollamaUrl, readOrigins, readUrl } from './urls.ts'

/** Every setting, typed. Made once at start; nothing reads process.env after that. */
export interface Config {
  host: string
  port: number
  /** Folder of the embedded database, the blobs and the generated secret. */
  dataFolder: string
  /** PostgreSQL; absent: SQLite in dataFolder. */
  databaseUrl?: string
  owner: { email: string; password?: string; key?: string }
  /** Master secret; absent: generated and kept in dataFolder. */
  secret?: string
  /** Whose tokens are believed besides our own; absent: nobody's. */
  identity?: IdentityProvider
  /** Absent: no limits at all. */
  limits?: { chat: Rate; ip: Rate; user: Rate }
  /** What one WebSocket may send at once, and how many may be open; no counts without limits. */
  sockets: { maxFrameBytes: number; limits?: { perAddress: number; perUser: number } }
  upstreams: EnvironmentUpstreams
  /** Where blobs lie; absent: on disk in dataFolder. */
  s3?: { endpoint: string; bucket: string; accessKeyId: string; secretAccessKey: string; region: string }
  /** Serves Swagger UI at /docs. */
  debug: boolean
  logLevel: string
  /** Whether X-Forwarded-* of a proxy is believed: false, true, or addresses. */
  trustProxy: boolean | string
  /** Largest request body, in bytes. */
  maxBodyBytes: number
  /** Whether strangers may register accounts. */
  registration: boolean
  /** How long running turns may take to end when the server is stopped. */
  stopGraceMs: number
  /** Where requests on behalf of users may go although it is not public. */
  outboundAllow: OutboundAllow
  /** Browser origins that may call with credentials, or `*`: any, without; empty: only the server's own. */
  corsOrigins: string[]
}

export interface EnvironmentUpstreams {
  openai?: { url: string; secret: string }
  anthropic?: { url: string; secret: string }
  gemini?: { url: string; secret: string }
  /** Given by OLLAMA_HOST; a local Ollama on its usual port is looked for when absent. */
  ollama?: { url: string }
}

type Env = Record<string, string | undefined>

/** Lists every variable Parley reads. Throws `invalid-request` naming the variable that cannot be understood. */
export function readEnv(env: Env): Config {
  const text = (name: string) => (env[name] === undefined || env[name] === '' ? undefined : env[name])
  const limit = (name: string, fallback: string): Rate => {
    const rate = readRate(text(name) ?? fallback)
    if (!rate) throw bad(name, 'a rate such as "20/min burst 5"')
    return rate
  }
  const integer = (name: string, fallback: number, least: number, most: number) =>
    readInteger(text(name) ?? String(fallback), name, least, most)
  const openaiKey = readKey(text('OPENAI_API_KEY'), 'OPENAI_API_KEY')
  const anthropicKey = readKey(text('ANTHROPIC_API_KEY'), 'ANTHROPIC_API_KEY')
  const geminiKey = readKey(text('GEMINI_API_KEY'), 'GEMINI_API_KEY')
  // Read whether they count or not: what cannot be understood is not passed over in silence.
  const openaiUrl = readUrl(text('OPENAI_BASE_URL') ?? 'https://api.openai.com/v1', 'OPENAI_BASE_URL')
  const anthropicUrl = readUrl(text('ANTHROPIC_BASE_URL') ?? 'https://api.anthropic.com/v1', 'ANTHROPIC_BASE_URL')
  const geminiUrl = readUrl(
    text('GEMINI_BASE_URL') ?? 'https://generativelanguage.googleapis.com/v1beta',
    'GEMINI_BASE_URL',
  )
  const ollama = text('OLLAMA_HOST')
  const flag = (name: string, fallback: boolean) => readFlag(text(name), name, fallback)
  const identity = readIdentityProvider({ text, flag, integer })
  const unlimited = readFlag(text('PARLEY_LIMITS'), 'PARLEY_LIMITS', true) === false
  const databaseUrl = text('DATABASE_URL')
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl))
    throw bad('DATABASE_URL', 'a postgres:// URL')

  return {
    host: text('HOST') ?? '127.0.0.1',
    port: readInteger(text('PORT') ?? '8000', 'PORT', 0, 65_535),
    dataFolder: text('PARLEY_DATA') ?? './data',
    ...(databaseUrl !== undefined && { databaseUrl }),
    owner: {
      email: readEmail(text('PARLEY_OWNER_EMAIL') ?? 'owner@localhost', 'PARLEY_OWNER_EMAIL'),
      password: text('PARLEY_OWNER_PASSWORD'),
      key: text('PARLEY_OWNER_KEY'),
    },
    secret: readSecret(text('PARLEY_JWT_SECRET'), 'PARLEY_JWT_SECRET'),
    ...(identity && { identity }),
    ...(!unlimited && {
      limits: {
        chat: limit('PARLEY_LIMIT_CHAT', '20/min burst 5'),
        ip: limit('PARLEY_LIMIT_IP', '300/min'),
        user: limit('PARLEY_LIMIT_USER', '600/min'),
      },
    }),
    sockets: {
      maxFrameBytes: integer('PARLEY_SOCKET_MAX_FRAME', 1024 * 1024, 1024, 1 << 28),
      ...(!unlimited && {
        limits: {
          perAddress: integer('PARLEY_SOCKETS_PER_IP', 500, 1, 1_000_000),
          perUser: integer('PARLEY_SOCKETS_PER_USER', 50, 1, 1_000_000),
        },
      }),
    },
    upstreams: {
      ...(openaiKey && { openai: { url: openaiUrl, secret: openaiKey } }),
      ...(anthropicKey && { anthropic: { url: anthropicUrl, secret: anthropicKey } }),
      ...(geminiKey && { gemini: { url: geminiUrl, secret: geminiKey } }),
      ...(ollama && { ollama: { url: ollamaUrl(ollama) } }),
    },
    ...readS3(text),
    debug: readFlag(text('DEBUG'), 'DEBUG', false),
    logLevel: readLogLevel(text('LOG_LEVEL') ?? 'info'),
    trustProxy: readProxies(text('PARLEY_TRUST_PROXY')),
    maxBodyBytes: readInteger(
      text('PARLEY_MAX_BODY_BYTES') ?? String(10 * 1024 * 1024),
      'PARLEY_MAX_BODY_BYTES',
      1024,
      1 << 30,
    ),
    // What is reachable only from this machine has no strangers; elsewhere they would spend the operator's models.
    registration: readFlag(text('PARLEY_REGISTRATION'), 'PARLEY_REGISTRATION', isLoopback(text('HOST') ?? '127.0.0.1')),
    stopGraceMs: readInteger(text('PARLEY_STOP_GRACE_MS') ?? '10000', 'PARLEY_STOP_GRACE_MS', 0, 3_600_000),
    outboundAllow: readAllow(text('PARLEY_OUTBOUND_ALLOW')),
    corsOrigins: readOrigins(text('PARLEY_CORS_ORIGINS') ?? ''),
  }
}

const s3Needs = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const

/** All or nothing: with half of the settings blobs would lie where nobody looks for them. */
function readS3(text: (name: string) => string | undefined): Pick<Config, 's3'> {
  const [endpoint, bucket, accessKeyId, secretAccessKey] = s3Needs.map(text)
  const region = text('S3_REGION')
  const given = [endpoint, bucket, accessKeyId, secretAccessKey, region].some((value) => value !== undefined)
  if (!given) return {}
  if (endpoint === undefined || bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined)
    throw bad(s3Needs.find((name) => text(name) === undefined)!, 'set when another S3_ variable is')
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search + url.hash + url.username !== '')
    throw bad('S3_ENDPOINT', 'an http:// or https:// URL without the bucket')
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket)) throw bad('S3_BUCKET', 'the name of a bucket')
  return {
    s3: {
      endpoint: endpoint.trim().replace(/\/+$/, ''),
      bucket,
      accessKeyId: readKey(accessKeyId, 'S3_ACCESS_KEY_ID')!,
      secretAccessKey: readSecret(secretAccessKey, 'S3_SECRET_ACCESS_KEY')!.trim(),
      region: region ?? 'us-east-1',
    },
  }
}

/** A key travels in a header. One that was read from a file often has the end of its line with it. */
function readKey(value: string | undefined, name: string): string | undefined {
  const key = value?.trim()
  if (key !== undefined && !/^[\x20-\x7e\x80-\xff]+$/.test(key)) throw bad(name, 'a key that a header can carry')
  return key
}

/** To the letter: whatever was sealed and signed with the master secret is lost with a letter of it. */
function readSecret(value: string | undefined, name: string): string | undefined {
  if (value?.trim() === '') throw bad(name, 'a secret and not blanks')
  return value
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function readEmail(value: string, name: string): string {
  const email = emailOf(value)
  if (email === undefined) throw bad(name, 'an e-mail address')
  return email
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

function readLogLevel(value: string): string {
  if (!logLevels.includes(value)) throw bad('LOG_LEVEL', `one of ${logLevels.join(', ')}`)
  return value
}

function readInteger(value: string, name: string, least: number, most: number): number {
  // Number would take blanks for 0.
  const number = value.trim() === '' ? Number.NaN : Number(value)
  if (!Number.isInteger(number) || number < least || number > most)
    throw bad(name, `a whole number from ${least} to ${most}`)
  return number
}

function readAllow(value = ''): OutboundAllow {
  const allow = readOutboundAllow(value)
  if (!allow) throw bad('PARLEY_OUTBOUND_ALLOW', 'host names, addresses or networks, separated by commas')
  return allow
}

function readFlag(value: string | undefined, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (/^(1|true|on|yes)$/i.test(value)) return true
  if (/^(0|false|off|no)$/i.test(value)) return false
  throw bad(name, 'on or off')
}

function readProxies(value: string | undefined): boolean | string {
  if (value === undefined || /^(0|false|off|no)$/i.test(value)) return false
  if (/^(1|true|on|yes)$/i.test(value)) return true
  if (!value.split(',').every((one) => isProxy(one.trim())))
    throw bad('PARLEY_TRUST_PROXY', 'on, off, or addresses and networks, separated by commas')
  return value
}

/** What Fastify understands, but for numbers: it would take a 2 for the address 0.0.0.2. */
function isProxy(entry: string): boolean {
  const isNamed = /^(loopback|linklocal|uniquelocal)$/.test(entry)
  if (!isNamed && isIP(entry.replace(/\/[^/]*$/, '')) === 0) return false
  try {
    proxyAddr.compile(entry)
    return true
  } catch {
    return false
  }
}

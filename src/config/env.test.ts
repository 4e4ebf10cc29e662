import { describe, expect, it } from 'vitest'
import { readEnv } from './env.ts'

const s3 = {
  S3_ENDPOINT: 'https://s3.example.test/',
  S3_BUCKET: 'chats',
  S3_ACCESS_KEY_ID: 'id',
  S3_SECRET_ACCESS_KEY: 'secret',
}

describe('the S3 settings', () => {
  it('are all there or not at all', () => {
    expect(readEnv({}).s3).toBeUndefined()
    expect(readEnv({ S3_ENDPOINT: '', S3_REGION: '' }).s3).toBeUndefined()
    expect(readEnv({ ...s3, S3_REGION: 'eu-1' }).s3).toEqual({
      endpoint: 'https://s3.example.test',
      bucket: 'chats',
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      region: 'eu-1',
    })
    expect(readEnv(s3).s3!.region).toBe('us-east-1')
  })

  it('come as they are meant: without the blanks around them', () => {
    const padded = Object.fromEntries(
      Object.entries(s3).map(([name, value]) => [name, name === 'S3_BUCKET' ? value : ` ${value}\n`]),
    )
    expect(readEnv(padded).s3).toEqual(readEnv(s3).s3)
  })

  it.each(Object.keys(s3))('stop the start by naming %s when only it is missing', (name) => {
    expect(() => readEnv({ ...s3, [name]: undefined })).toThrow(
      `The environment variable ${name} must be set when another S3_ variable is`,
    )
  })

  it('do not fall back to the disk when only the region is there', () => {
    expect(() => readEnv({ S3_REGION: 'eu-1' })).toThrow('S3_ENDPOINT must be set')
  })

  it('name what cannot be understood', () => {
    for (const endpoint of ['s3.example.test', 'ftp://s3.example.test', 'https://id:secret@s3.example.test'])
      expect(() => readEnv({ ...s3, S3_ENDPOINT: endpoint })).toThrow('S3_ENDPOINT must be an http:// or https:// URL')
    for (const bucket of ['a', 'a/b', '../x']) expect(() => readEnv({ ...s3, S3_BUCKET: bucket })).toThrow('S3_BUCKET')
  })
})

describe('where requests for users may go', () => {
  it('is nowhere inside unless it is named', () => {
    expect(readEnv({}).outboundAllow.hosts.size).toBe(0)
    const { outboundAllow } = readEnv({ PARLEY_OUTBOUND_ALLOW: 'Hooks.Corp.Example, 10.0.0.0/8' })
    expect([...outboundAllow.hosts]).toEqual(['hooks.corp.example'])
    expect(outboundAllow.networks.check('10.1.2.3')).toBe(true)
  })

  it('stops the start where it cannot be understood', () => {
    for (const text of ['http://host', '10.0.0.0/99', 'host:80'])
      expect(() => readEnv({ PARLEY_OUTBOUND_ALLOW: text })).toThrow('PARLEY_OUTBOUND_ALLOW must be host names')
  })
})

/** Variable → what it may be, and what stops the start by naming it. */
const checked: Record<string, { good: string[]; bad: string[] }> = {
  LOG_LEVEL: {
    good: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    bad: ['verbose', 'INFO', '30', 'toString'],
  },
  PARLEY_TRUST_PROXY: {
    good: [
      'on',
      'off',
      'true',
      '0',
      '1',
      '127.0.0.1',
      '::1',
      '127.0.0.1, 10.0.0.0/8,fd00::/8',
      '10.0.0.0/255.0.0.0',
      'loopback, 192.0.2.1',
    ],
    bad: ['maybe', 'proxy.example', '2', '10.0.0.0/33', '10.0.0.0/0', '10.1', '127.0.0.1,', '[::1]', 'toString'],
  },
  PARLEY_OWNER_EMAIL: {
    good: ['owner@localhost', 'ada@example.org'],
    bad: ['ada', '@localhost', 'ada@', 'ada lovelace@example.org'],
  },
  OLLAMA_HOST: {
    good: ['ollama', 'ollama:11434', '127.0.0.1', 'https://ollama.example/base'],
    bad: ['ftp://ollama', 'a b', 'host:port', 'http://user:word@ollama', 'http://ollama?a=1'],
  },
  PARLEY_CORS_ORIGINS: {
    good: ['https://chat.example', 'http://localhost:5173, capacitor://localhost', '*', 'http://[::1]:80,'],
    bad: [
      'chat.example',
      'https://chat.example/app',
      'https://*.example',
      'null',
      'https://a.example https://b.example',
    ],
  },
}
for (const name of ['OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL', 'GEMINI_BASE_URL'])
  checked[name] = {
    good: ['http://127.0.0.1:9/v1', 'https://models.example/'],
    bad: ['models.example', 'localhost:8080', 'file:///v1', 'https://user@models.example', 'https://m.example/v1?v=2'],
  }

for (const name of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY'])
  checked[name] = { good: ['sk-1', ' sk-1\n', 'sk 1'], bad: [' ', 'sk-1\r\nx-other: 1', 'sk-“1”', 'sk\0'] }
checked.PARLEY_JWT_SECRET = { good: ['a secret of some words\n'], bad: [' ', '\n'] }
for (const name of ['PORT', 'PARLEY_STOP_GRACE_MS'])
  checked[name] = { good: ['0', ' 8000 '], bad: [' ', '-1', '1.5', '1e9', 'many'] }

describe.each(Object.entries(checked))('%s', (name, { good, bad }) => {
  it.each(['', ...good])('may be %j', (value) => {
    expect(() => readEnv({ [name]: value })).not.toThrow()
  })

  it.each(bad)('stops the start when it is %j', (value) => {
    expect(() => readEnv({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        message: expect.stringMatching(`^The environment variable ${name} must be `),
        details: { field: name },
      }),
    )
  })
})

it('reads what is written in more than one way as one', () => {
  const key = 'k'
  const config = readEnv({
    PARLEY_OWNER_EMAIL: ' Ada@Example.ORG',
    PARLEY_CORS_ORIGINS: 'https://Chat.example:443/, http://localhost:5173,capacitor://localhost',
    OPENAI_API_KEY: ` ${key}\n`,
    OPENAI_BASE_URL: 'https://models.example/v1//',
    ANTHROPIC_API_KEY: key,
    OLLAMA_HOST: 'ollama',
  })
  expect(config.owner.email).toBe('ada@example.org')
  expect(config.corsOrigins).toEqual(['https://chat.example', 'http://localhost:5173', 'capacitor://localhost'])
  expect(config.upstreams).toEqual({
    openai: { url: 'https://models.example/v1', secret: key },
    anthropic: { url: 'https://api.anthropic.com/v1', secret: key },
    ollama: { url: 'http://ollama:11434/v1' },
  })
  expect(readEnv({}).corsOrigins).toEqual([])
})

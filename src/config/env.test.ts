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

import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { AppError } from '#errors/index.ts'
import { attachment } from '#lib/content-disposition.ts'
import type { Scoped } from '../gate/index.ts'
import { type ByteRange, readRange } from './range.ts'

interface Info {
  size: number
  contentType: string
  filename?: string
  etag: string
}

export interface BlobsDoorDeps {
  blobs: {
    head(key: string): Promise<Info | undefined>
    get(key: string, options: { range?: ByteRange }): Promise<(Info & { stream: Readable }) | undefined>
    /** Throws `forbidden`. */
    checkSigned(key: string, parts: { expires: string; signature: string; filename?: string }): void
  }
}

const querystring = Type.Object({
  expires: Type.String({ minLength: 1, maxLength: 16 }),
  signature: Type.String({ minLength: 1, maxLength: 64 }),
  filename: Type.Optional(Type.String({ maxLength: 255 })),
})
const params = Type.Object({ '*': Type.String() })

type Asked = FastifyRequest<{
  Params: { '*': string }
  Querystring: { expires: string; signature: string; filename?: string }
}>

/** GET and HEAD /blobs/{key}?expires&signature[&filename], with ranges. */
export function addBlob(door: Scoped, { blobs }: BlobsDoorDeps): void {
  const config = { auth: 'public' } as const
  const schema = { tags: ['blobs'], summary: 'A stored file, to whoever holds its signed URL', params, querystring }

  door.get('/blobs/*', { schema, config, exposeHeadRoute: false }, async (request, reply) => {
    const info = await find(request)
    const key = request.params['*']
    const range = rangeOf(request, info)
    announce(reply, info, request.query.filename)
    if (range === 'outside') return refuseRange(reply, info.size)
    const blob = await blobs.get(key, range === undefined ? {} : { range })
    if (!blob) throw notFound()
    if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${info.size}`)
    reply.header('content-length', range ? range.end - range.start + 1 : blob.size)
    return reply.send(blob.stream)
  })

  door.head('/blobs/*', { schema, config }, async (request, reply) => {
    const info = await find(request)
    announce(reply, info, request.query.filename)
    return reply.header('content-length', info.size).send()
  })

  /** The signature is looked at before the storage is: a stranger learns nothing of what is there. */
  async function find({ params, query }: Asked): Promise<Info> {
    blobs.checkSigned(params['*'], query)
    const info = await blobs.head(params['*'])
    if (!info) throw notFound()
    return info
  }
}

/** Undefined: all of it. A range that was asked of another version of the blob is none. */
function rangeOf(request: FastifyRequest, info: Info): ByteRange | 'outside' | undefined {
  const { range, 'if-range': condition } = request.headers
  if (range === undefined || (condition !== undefined && condition !== `"${info.etag}"`)) return undefined
  return readRange(range, info.size)
}

function announce(reply: FastifyReply, info: Info, filename: string | undefined): void {
  const name = filename ?? info.filename
  reply.headers({
    'content-type': info.contentType,
    'content-disposition': name === undefined ? 'attachment' : attachment(name),
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
    // The URL is a secret: neither shared caches nor the next page may keep it.
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'accept-ranges': 'bytes',
    etag: `"${info.etag}"`,
  })
}

function refuseRange(reply: FastifyReply, size: number): FastifyReply {
  return reply.code(416).header('content-range', `bytes */${size}`).header('content-length', 0).send()
}

function notFound(): AppError {
  return new AppError('not-found', 'The file does not exist any more')
}

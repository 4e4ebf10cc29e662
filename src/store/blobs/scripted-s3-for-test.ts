import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type S3CallKind = 'put' | 'create' | 'part' | 'complete' | 'abort' | 'head' | 'get'

/**
 * What goes wrong with a call: `reset` cuts the connection while the request is on its way; `lost` and `cut` do the work and
 * send nothing, or half, of the answer; `hangs` never answers; a status with a code refuses.
 */
export type S3Fault = 'reset' | 'lost' | 'cut' | 'hangs' | { status: number; code: string }

interface Stored {
  bytes: Buffer
  headers: Record<string, string>
}

/**
 * A storage in memory that knows what `put`, `get` and `head` ask of S3, and fails as it is told. Like MinIO it knows an upload
 * no more once that is complete. It checks no signatures: the tests on a real server do.
 */
export async function scriptedS3() {
  const objects = new Map<string, Stored>()
  const uploads = new Map<string, Stored & { parts: Buffer[] }>()
  const calls: S3CallKind[] = []
  let made = 0
  /** `nth` counts the calls of a kind, from 1. */
  let fault: (kind: S3CallKind, nth: number) => S3Fault | undefined = () => undefined

  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://s3.test')
    const uploadId = url.searchParams.get('uploadId') ?? undefined
    const kind = kindOf(request.method!, url.searchParams)
    calls.push(kind)
    const wrong = fault(kind, calls.filter((one) => one === kind).length)
    if (wrong === 'hangs') return
    if (wrong === 'reset') return void request.once('data', () => request.socket.destroy())
    const bytes = Buffer.concat(await request.toArray())
    if (typeof wrong === 'object') return refuse(response, wrong.status, wrong.code)
    const answer = work(kind, { key: url.pathname, uploadId, bytes, request })
    if (wrong === 'lost') return void request.socket.destroy()
    if (wrong === 'cut') {
      response.writeHead(answer.status, { 'content-length': answer.bytes.length, ...answer.headers })
      const half = answer.bytes.subarray(0, answer.bytes.length / 2)
      // Destroyed at once it would take the half that was sent with it.
      return void response.write(half, () => request.socket.end())
    }
    response.writeHead(answer.status, answer.headers).end(kind === 'head' ? undefined : answer.bytes)
  })

  function work(
    kind: S3CallKind,
    asked: { key: string; uploadId: string | undefined; bytes: Buffer; request: IncomingMessage },
  ): { status: number } & Stored {
    const { key, uploadId, bytes } = asked
    const answer = (status: number, text = '', headers: Record<string, string> = {}) => ({
      status,
      bytes: Buffer.from(text),
      headers,
    })
    if (kind === 'create') {
      uploads.set(`upload-${++made}`, { bytes, headers: kept(asked.request), parts: [] })
      return answer(
        200,
        `<InitiateMultipartUploadResult><UploadId>upload-${made}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    if (kind === 'head' || kind === 'get') {
      const found = objects.get(key)
      return found ? { status: 200, ...found } : answer(404)
    }
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
    if (kind === 'put') {
      objects.set(key, { bytes, headers: { ...kept(asked.request), etag } })
      return answer(200, '', { etag })
    }
    const upload = uploads.get(uploadId!)
    if (!upload) return answer(404, '<Error><Code>NoSuchUpload</Code></Error>')
    if (kind === 'part') {
      const number = Number(new URL(asked.request.url!, 'http://s3.test').searchParams.get('partNumber'))
      upload.parts[number - 1] = bytes
      return answer(200, '', { etag })
    }
    uploads.delete(uploadId!)
    if (kind === 'abort') return answer(204)
    objects.set(key, { bytes: Buffer.concat(upload.parts), headers: { ...upload.headers, etag } })
    return answer(200, `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** By their paths. */
    objects,
    uploads,
    calls,
    fails(when: typeof fault): void {
      fault = when
    },
    close(): void {
      server.close()
      server.closeAllConnections()
    },
  }
}

function kindOf(method: string, query: URLSearchParams): S3CallKind {
  const ofUpload = query.has('uploadId')
  if (method === 'POST') return ofUpload ? 'complete' : 'create'
  if (method === 'PUT') return ofUpload ? 'part' : 'put'
  if (method === 'DELETE') return 'abort'
  return method === 'HEAD' ? 'head' : 'get'
}

/** What S3 gives back with an object of what it was stored with. */
function kept({ headers }: IncomingMessage): Record<string, string> {
  const names = Object.keys(headers).filter((name) => name.startsWith('x-amz-meta-') || name === 'content-type')
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]))
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>refused</Message></Error>`)
}

import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'

/**
 * Swagger UI at /docs and ReDoc at /redoc, made from the routes' own schemas. Only with DEBUG=true: a production server does not describe
 * itself to strangers, and does not load what it does not serve.
 */
export async function serveApiDocs(server: FastifyInstance, version: string): Promise<void> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  await server.register(swagger, {
    openapi: {
      info: { title: 'Parley', description: 'A self-hosted chat backend', version },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', name: 'X-API-Key', in: 'header' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
  })
  server.addHook('onRoute', (route) => {
    if (/^\/(docs|redoc)/.test(route.url)) route.config = { ...route.config, auth: 'public' }
  })
  await server.register(swaggerUi, { routePrefix: '/docs' })
  await server.register(async (scope) => {
    const script = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js')
    scope.get('/redoc', { schema: { hide: true } }, (_, reply) =>
      reply.type('text/html; charset=utf-8').send(redocPage),
    )
    scope.get('/redoc/redoc.standalone.js', { schema: { hide: true } }, (_, reply) =>
      reply.type('text/javascript; charset=utf-8').send(createReadStream(script)),
    )
  })
}

const redocPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Parley</title></head>
<body style="margin:0">
<redoc spec-url="/docs/json"></redoc>
<script src="/redoc/redoc.standalone.js"></script>
</body>
</html>
`

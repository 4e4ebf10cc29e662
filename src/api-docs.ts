import type { FastifyInstance } from 'fastify'

/**
 * Swagger UI at /docs, made from the routes' own schemas. Only with DEBUG=true: a production server does not describe
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
    if (route.url.startsWith('/docs')) route.config = { ...route.config, auth: 'public' }
  })
  await server.register(swaggerUi, { routePrefix: '/docs' })
}

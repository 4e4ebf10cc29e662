# Node 20 or newer would do: npm ci brings the Node that Parley runs on.
FROM node:24-slim

WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force
COPY src ./src

RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 PARLEY_DATA=/data
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
  ["node_modules/.bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/liveness`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# Not npm start: signals must reach the server.
CMD ["node_modules/.bin/node", "--max-semi-space-size=8", "--no-memory-reducer", "--v8-pool-size=2", "--max-inlined-bytecode-size=1000", "--max-inlined-bytecode-size-cumulative=2500", "src/start.js"]

/**
 * Where `npm start` begins, in plain JavaScript: once the cache of compiled sources is on, nothing on the way needs Node's
 * type stripper, which would take 80 ms and 11 MB of every start (docs/decisions: memory at start).
 */
import { enableCompileCache, registerHooks } from 'node:module'
import { join } from 'node:path'

/** What a file is by its ending; a `.js` is what its package says. */
const formats = { '.ts': 'module-typescript', '.mjs': 'module', '.js': undefined }
const rooms = new URL('.', import.meta.url).href

/**
 * Names the file an `import` means where its path says so already. Node would look on the disk whether it is there, whether
 * it is a link and in which package, some 4,000 times and for a fifth of the start (docs/decisions: quick starts).
 */
function resolve(specifier, context, next) {
  const { parentURL, conditions } = context
  if (parentURL === undefined || !conditions.includes('import')) return next(specifier, context)
  if (specifier[0] === '#' && parentURL.startsWith(rooms))
    return { url: rooms + specifier.slice(1), format: formats['.ts'], shortCircuit: true }
  const ending = specifier.slice(specifier.lastIndexOf('.'))
  if (specifier[0] !== '.' || !(ending in formats)) return next(specifier, context)
  return { url: new URL(specifier, parentURL).href, format: formats[ending], shortCircuit: true }
}

// What the server keeps is for its own user to read: tokens of apps and what people said.
process.umask(0o077)
// Beside the data, whose folder `config/env.ts` reads by the same rule.
enableCompileCache(join(process.env.PARLEY_DATA || './data', 'cache'))
const hooks = registerHooks({ resolve })
await import('./main.ts')
hooks.deregister()

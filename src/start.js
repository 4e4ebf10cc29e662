/**
 * Where `npm start` begins, in plain JavaScript: once the cache of compiled sources is on, nothing on the way needs Node's
 * type stripper, which would take 80 ms and 11 MB of every start (docs/decisions: memory at start).
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// What the server keeps is for its own user to read: tokens of apps and what people said.
process.umask(0o077)
// Beside the data, whose folder `config/env.ts` reads by the same rule.
enableCompileCache(join(process.env.PARLEY_DATA || './data', 'cache'))
await import('./main.ts')

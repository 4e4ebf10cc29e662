import type { Kysely } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { foundation } from './0001-foundation.ts'
import { realtime } from './0002-realtime.ts'
import { guardrails } from './0003-guardrails.ts'
import { history } from './0004-history.ts'
import { retention } from './0005-retention.ts'
import { webhooks } from './0006-webhooks.ts'
import { historySlots } from './0007-history-slots.ts'

/** Forward-only. The version is the position in this list, from 1; a migration that was released is never edited. */
export const migrations: { name: string; up: (db: Kysely<unknown>, dialect: Dialect) => Promise<void> }[] = [
  { name: 'foundation', up: foundation },
  { name: 'realtime', up: realtime },
  { name: 'guardrails', up: guardrails },
  { name: 'history', up: history },
  { name: 'retention', up: retention },
  { name: 'webhooks', up: webhooks },
  { name: 'history-slots', up: historySlots },
]

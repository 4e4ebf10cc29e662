import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'

/** An ended turn as a test has it. */
export interface SaidForTest {
  by: Principal
  question: string
  answer: string
  objectId?: string
  externalUserId?: string
  /** Noted by Kadal's door. */
  event?: 'file' | 'tool' | 'verbose'
  isVisitors?: boolean
}

/** Writes ended turns as the turns room leaves them; gives their keys. */
export function writeTurns(database: Database, app: App, said: readonly SaidForTest[]): Promise<number[]> {
  return database.write(async ({ db }) => {
    const keys: number[] = []
    for (const one of said) {
      const at = Date.now()
      const owner = { workspace_id: app.workspace.id, user_id: one.by.user.id, app_id: app.id }
      const conversation = await db
        .insertInto('conversations')
        .values({
          ...owner,
          public_id: uuidv7(),
          external_id: null,
          title: '',
          status: 'active',
          settings: '{}',
          object_id: one.objectId ?? null,
          external_user_id: one.externalUserId ?? null,
          visitor: one.isVisitors ? 1 : 0,
          created_at: at,
          updated_at: at,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      const turn = await db
        .insertInto('turns')
        .values({
          ...owner,
          public_id: uuidv7(),
          conversation_id: conversation.id,
          key_id: null,
          door: one.event ? 'kadal' : 'app',
          status: 'completed',
          model: 'sim',
          upstream: 'sim',
          process_id: 'test',
          reserved_micros: 0,
          input_tokens: 1,
          output_tokens: 1,
          cached_input_tokens: 0,
          reasoning_tokens: 0,
          estimated: 0,
          cost_micros: 0,
          finish_reason: 'stop',
          error: null,
          metadata: one.event ? JSON.stringify({ category: 'event', type: one.event }) : null,
          visitor: one.isVisitors ? 1 : 0,
          created_at: at,
          ended_at: at,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      const text = (words: string) => [{ type: 'text', text: words }]
      await db
        .insertInto('turn_inputs')
        .values({ turn_id: turn.id, messages: JSON.stringify([{ role: 'user', parts: text(one.question) }]) })
        .execute()
      await db
        .insertInto('turn_outputs')
        .values({ turn_id: turn.id, parts: JSON.stringify(text(one.answer)), log: null })
        .execute()
      keys.push(turn.id)
    }
    return keys
  })
}

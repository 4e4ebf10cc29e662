import { type Static, Type } from 'typebox'
import type { Principal } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import type { Apps } from '#features/apps/index.ts'
import type { FeedbackFilter } from '#features/feedback/index.ts'
import { isUuid } from '#lib/uuid.ts'
import { isoTime } from '../iso-time.ts'

const text = Type.Optional(Type.String({ maxLength: 64 }))

/** What all lists of feedback can be narrowed by. */
export const FilterQuery = {
  application_id: Type.Optional(Type.String({ maxLength: 100 })),
  is_positive: Type.Optional(Type.Boolean()),
  from: text,
  to: text,
  before: text,
}

const Query = Type.Object(FilterQuery)

/** Throws `invalid-request`, and `not-found` for an app that is not the caller's. */
export async function filterOf(
  apps: Pick<Apps, 'get'>,
  principal: Principal,
  query: Static<typeof Query>,
): Promise<FeedbackFilter> {
  const { application_id: id, is_positive: isPositive, before } = query
  if (before !== undefined && !isUuid(before)) throw invalid('before', 'before must be a UUID', 'malformed')
  const from = isoTime('from', query.from)
  const to = isoTime('to', query.to)
  const app = id === undefined ? undefined : await apps.get(principal, id)
  return {
    ...(app && { appId: app.id }),
    ...(isPositive !== undefined && { isPositive }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(before !== undefined && { before: before.toLowerCase() }),
  }
}

import { Type } from 'typebox'
import { invalid } from '#errors/index.ts'
import { type Feedback, presentFeedback } from '#features/feedback/index.ts'
import { isShortId } from '#lib/short-id.ts'
import { plainText } from '#lib/text.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Scoped } from '../../gate/index.ts'
import { ok } from '../envelope.ts'

const Body = Type.Object({
  is_positive: Type.Union([Type.Boolean(), Type.Null()]),
  reason: Type.Optional(Type.Union([Type.String({ maxLength: 200 }), Type.Null()])),
  details: Type.Optional(Type.Union([Type.String({ maxLength: 10_000 }), Type.Null()])),
})

/** POST /api/v1/turns/{id}/feedback: thumbs up, down or taken back; the last one of each user counts. */
export function rateTurn(door: Scoped, { feedback }: { feedback: Pick<Feedback, 'rate'> }): void {
  door.route({
    method: 'POST',
    url: '/api/v1/turns/:turn_id/feedback',
    schema: {
      tags: ['feedback'],
      summary: 'Say what you think of a turn',
      params: Type.Object({ turn_id: Type.String() }),
      body: Body,
    },
    handler: async ({ principal, params, body }) => {
      if (!isUuid(params.turn_id) && !isShortId(params.turn_id))
        throw invalid('turn_id', 'turn_id must be a UUID or 24 hexadecimal digits', 'malformed')
      const reason = given('reason', body.reason, 200)
      const details = given('details', body.details, 10_000)
      const row = await feedback.rate(principal, params.turn_id, {
        isPositive: body.is_positive,
        ...(reason !== undefined && { reason }),
        ...(details !== undefined && { details }),
      })
      return ok(row ? presentFeedback(row) : null, row ? 'Feedback stored' : 'Feedback taken back')
    },
  })
}

function given(field: string, text: string | null | undefined, most: number): string | undefined {
  return plainText(field, text ?? '', most, 0) || undefined
}

import { AppError } from '#errors/index.ts'

/** Where a turn was refused: before any model was asked (`input`), or in the middle of it. */
export type RefusedAt = 'input' | 'steering' | 'tool-result' | 'output'

/** What whoever asked is told: that a guardrail refused, not which, and nothing of what it found. */
export function refusal(at: RefusedAt): AppError {
  return new AppError('content-blocked', messages[at], { details: { where: at } })
}

const recorded = 'This is recorded, and the administrators of the workspace are told.'
const messages: Record<RefusedAt, string> = {
  input: `The message was refused by a guardrail. ${recorded}`,
  steering: `What was added was refused by a guardrail. ${recorded}`,
  'tool-result': `The result of a tool was refused by a guardrail. ${recorded}`,
  output: `The answer was stopped by a guardrail. ${recorded}`,
}

import { expect } from 'vitest'
import type { ErrorCode } from '#errors/index.ts'

/** Expects `work` to throw or reject with this code, whether it answers at once or later. */
export async function refused(code: ErrorCode, work: () => unknown, field?: string): Promise<void> {
  await expect((async () => work())()).rejects.toMatchObject({
    code,
    ...(field !== undefined && { details: { field } }),
  })
}

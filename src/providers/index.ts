/**
 * Upstream models. Each folder translates one protocol: a ModelCall out, ModelParts in, failures as AppError. A provider
 * keeps nothing between calls, opens connections only through the HTTP client it is given, returns values and never
 * bytes, and knows neither doors nor the store. What vendors and servers get wrong is put right here and nowhere else.
 */
import { anthropic } from './anthropic/index.ts'
import { builtin } from './builtin/index.ts'
import { google } from './google/index.ts'
import { openAiCompatible } from './openai-compatible/index.ts'
import type { Provider } from './spec.ts'

export { retryAfterMs } from './retry-after.ts'
export type { Endpoint, ModelCall, ModelPart, Provider, ProviderIo, Timeouts } from './spec.ts'

/** By kind. */
export const providers: Record<string, Provider> = {
  [openAiCompatible.kind]: openAiCompatible,
  [anthropic.kind]: anthropic,
  [google.kind]: google,
  [builtin.kind]: builtin,
}

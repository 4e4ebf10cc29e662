import { AppError } from '#errors/index.ts'
import { parseUpstreamJson } from '../json.ts'
import type { ModelPart } from '../spec.ts'
import type { Completion } from './api.ts'
import { ChunkReader } from './from-chunks.ts'

/** The body of a whole answer → its parts, `finish` last. Throws AppError as a stream would. */
export function fromCompletion(
  body: string,
  options: { secret?: string | undefined; audioFormat?: string | undefined },
): ModelPart[] {
  const completion = parseUpstreamJson(body) as Completion
  const parts: ModelPart[] = []
  const reader = new ChunkReader(options)
  reader.read(completion, body, parts)
  if (!completion.choices?.some((choice) => choice?.message))
    throw new AppError('upstream-malformed', 'The upstream’s answer holds no message')
  parts.push(reader.finish())
  return parts
}

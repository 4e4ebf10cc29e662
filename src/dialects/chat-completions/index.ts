/**
 * The Chat Completions dialect, spoken by more than one door: its request as schema and neutral values, its chunks
 * and its completion object as pure functions of events and state. Knows no route and no outer error shape.
 */
export { type DecodedCompletion, decodeCompletion } from './decode.ts'
export { ChatCompletionRequest } from './request.ts'
export { type ChunkOptions, chunkEncoder } from './to-chunks.ts'
export { toCompletion } from './to-completion.ts'
export { clientCalls, toolCallsOf, usageObject } from './vocabulary.ts'

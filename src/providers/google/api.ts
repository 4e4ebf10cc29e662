/** The wire of generateContent, as far as it is read or written here. What comes in may always be missing. */

export interface WirePart {
  text?: string
  /** True on a part that is a summary of thoughts. */
  thought?: boolean
  thoughtSignature?: string
  inlineData?: { mimeType: string; data: string }
  fileData?: { mimeType?: string; fileUri: string }
  functionCall?: { id?: string; name?: string; args?: unknown }
  functionResponse?: { id?: string; name: string; response: Record<string, unknown> }
}

export interface Content {
  role: 'user' | 'model'
  parts: WirePart[]
}

export type GenerateRequest = { contents: Content[] } & Record<string, unknown>

export interface GroundingChunk {
  web?: { uri?: string; title?: string }
  retrievedContext?: { uri?: string; title?: string; text?: string }
}

export interface Candidate {
  index?: number
  content?: { parts?: WirePart[] | null } | null
  finishReason?: string | null
  groundingMetadata?: { groundingChunks?: GroundingChunk[] | null } | null
}

export interface WireUsage {
  promptTokenCount?: unknown
  candidatesTokenCount?: unknown
  thoughtsTokenCount?: unknown
  cachedContentTokenCount?: unknown
  toolUsePromptTokenCount?: unknown
}

/** A whole answer, or one of the pieces of a streamed one. */
export interface GenerateAnswer {
  candidates?: Candidate[] | null
  promptFeedback?: { blockReason?: string | null } | null
  usageMetadata?: WireUsage | null
  responseId?: string
  error?: unknown
}

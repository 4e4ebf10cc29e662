/** What stands above a transcript. */
export interface TranscriptHead {
  title: string
  userName: string
  botName: string
  /** An IANA name, in which all times are told: `Asia/Seoul`. */
  timeZone: string
  /** Unix ms. */
  createdAt: number
}

/** A question and its answer. Both are data: whatever stands in them is shown, and nothing of it is fetched or run. */
export interface TranscriptTurn {
  /** As it was typed. */
  userText: string
  /** Markdown. */
  answerText: string
  /** Unix ms. */
  askedAt: number
  /** Unix ms; undefined when it is not known, or nobody answered. */
  answeredAt?: number
}

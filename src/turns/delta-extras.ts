import type { DeltaEvent } from '#contracts/index.ts'

/** What a delta carries besides its text. */
export function hasExtras(event: DeltaEvent): boolean {
  return event.type === 'audio-delta' || (event.type === 'text-delta' && event.logprobs !== undefined)
}

/** The same of several deltas of one part, joined as the fold would join them. */
export function extrasOf(deltas: readonly { event: DeltaEvent }[]): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  let logprobs: unknown[] | undefined
  let transcript: string | undefined
  for (const { event } of deltas)
    if (event.type === 'text-delta') {
      if (event.logprobs === undefined) continue
      logprobs ??= []
      for (const entry of event.logprobs) logprobs.push(entry)
    } else if (event.type === 'audio-delta') {
      const { type: _type, part: _part, text: _text, transcript: said, ...rest } = event
      if (said !== undefined) transcript = (transcript ?? '') + said
      Object.assign(out, rest)
    }
  return { ...out, ...(logprobs && { logprobs }), ...(transcript !== undefined && { transcript }) }
}

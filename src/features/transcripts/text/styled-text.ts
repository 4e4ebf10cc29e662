/** How a stretch of text looks. Compared by identity: text of one look shares one object. */
export interface Style {
  bold: boolean
  italic: boolean
  monospaced: boolean
  struck: boolean
  /** Red, green and blue from 0 to 1. */
  color: readonly [number, number, number]
  /** Code within a sentence: stands on gray. */
  onGray?: boolean
  /** Where a click leads; only what `safeLink` let through. */
  link?: string
}

/** `spans` follow each other without gaps, from 0 to the end of the text. */
export interface StyledText {
  text: string
  spans: { end: number; style: Style }[]
}

export function styled(text: string, style: Style): StyledText {
  return { text, spans: [{ end: text.length, style }] }
}

/** Everything before, between and after line ends, as texts of their own. */
export function splitLines({ text, spans }: StyledText): StyledText[] {
  const lines: StyledText[] = []
  let start = 0
  let first = 0
  for (const line of text.split('\n')) {
    const end = start + line.length
    while (first < spans.length - 1 && spans[first]!.end <= start) first++
    const own: StyledText['spans'] = []
    for (let at = first; at < spans.length; at++) {
      const span = spans[at]!
      own.push({ end: Math.min(span.end, end) - start, style: span.style })
      if (span.end >= end) break
    }
    lines.push({ text: line, spans: own })
    start = end + 1
  }
  return lines
}

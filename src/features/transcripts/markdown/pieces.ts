/** What a fence or a table needs at its beginning to go on in the next piece. */
interface Open {
  fence?: { line: string; marker: string }
  table?: string[]
}

/** From here on a piece ends at the next blank line, and here wherever it is. */
const enough = 16_384
const most = 49_152

/**
 * Cuts Markdown into pieces that can be parsed one by one, so that no message needs more memory than its longest piece:
 * between blocks, and where one is too long within it, with its fence or table head said again.
 */
export function* markdownPieces(source: string): Generator<string> {
  if (source.length <= most) return void (yield source)
  let piece: string[] = []
  let length = 0
  const open: Open = {}
  let previous = ''
  for (const line of shortLines(source)) {
    const cut = length + line.length > most || (length > enough && line.trim() === '' && !open.fence)
    if (cut && piece.length > 0) {
      yield [...piece, ...(open.fence ? [open.fence.marker] : [])].join('\n')
      piece = open.fence ? [open.fence.line] : (open.table?.slice() ?? [])
      length = 0
    }
    follow(open, line, previous)
    piece.push(line)
    length += line.length + 1
    previous = line
  }
  yield piece.join('\n')
}

function follow(open: Open, line: string, previous: string): void {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
  if (open.fence) {
    if (fence?.startsWith(open.fence.marker) && line.trim() === fence) delete open.fence
  } else if (fence) open.fence = { line, marker: fence }
  else if (/^[\s:|-]*-[\s:|-]*$/.test(line) && line.includes('|') && previous.includes('|'))
    open.table = [previous, line]
  else if (open.table && !line.includes('|')) delete open.table
}

/** Lines of at most `most` characters: what is longer is cut at a space, or between characters. */
export function* shortLines(source: string, longest = most / 2): Generator<string> {
  for (const line of source.split('\n')) {
    let rest = line
    while (rest.length > longest) {
      const space = rest.lastIndexOf(' ', longest)
      let end = space > longest / 2 ? space : longest
      // Not between the halves of one character.
      if (/[\udc00-\udfff]/.test(rest[end]!)) end--
      yield rest.slice(0, end)
      rest = rest.slice(rest[end] === ' ' ? end + 1 : end)
    }
    yield rest
  }
}

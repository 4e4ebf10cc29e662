import type { Block } from '../markdown/blocks.ts'
import { widthOf } from '../text/lines.ts'
import { paragraph } from '../text/paragraph.ts'
import { type StyledText, splitLines } from '../text/styled-text.ts'
import { drawLine } from './draw-line.ts'
import {
  baselineOf,
  type Column,
  drawText,
  type Layout,
  lineStart,
  type SetLine,
  setText,
  startsRtl,
} from './text-block.ts'
import { colors, leading } from './theme.ts'

type Table = Extract<Block, { kind: 'table' }>

const size = 9
const height = size * leading
const padding = { x: 5, y: 3 }
/** A column that would be narrower could not be read. */
const narrowest = 26
/** A word asks for at most so much of a line for itself. */
const longestWord = 110
/** Rows that decide how wide columns are; the rest follows them. */
const measured = 200

/** Draws a table with lines between its rows; its head is repeated on each page. One with too many columns becomes lists. */
export function* drawTable(layout: Layout, asWritten: Table, column: Column): Generator<void> {
  const table = startsRtl(asWritten.head.find(({ text }) => text !== '')?.text ?? '') ? mirrored(asWritten) : asWritten
  const columns = table.head.length
  if (columns * (narrowest + padding.x * 2) > column.width) return yield* drawAsLists(layout, asWritten, column)
  const widths = columnWidths(layout, table, column.width)
  layout.pages.need((height + padding.y * 2) * 2)
  drawRow(layout, table, table.head, widths, column, true)
  for (const row of table.rows) {
    drawRow(layout, table, row, widths, column, false)
    yield
  }
}

/** What is read from right to left has its first column at the right. */
function mirrored({ kind, head, rows, aligns }: Table): Table {
  const empty = { text: '', spans: [] }
  const whole = (row: StyledText[]) => head.map((_, at) => row[at] ?? empty).reverse()
  return {
    kind,
    head: head.toReversed(),
    rows: rows.map(whole),
    aligns: head.map((_, at) => aligns[at] ?? 'right').reverse(),
  }
}

function drawRow(
  layout: Layout,
  table: Table,
  cells: StyledText[],
  widths: number[],
  column: Column,
  isHead: boolean,
): void {
  const { pages } = layout
  const set = widths.map((width, at) => setCell(layout, cells[at], width - padding.x * 2))
  const count = Math.max(1, ...set.map((lines) => lines.length))
  for (let done = 0; done < count; ) {
    // A row that fits nowhere as a whole goes on on the next page.
    const least = Math.min(count - done, 3) * height + padding.y * 2
    if (pages.room() < least) {
      pages.need(pages.room() + 1)
      if (!isHead) drawRow(layout, table, table.head, widths, column, true)
    }
    const fitting = Math.max(1, Math.floor((pages.room() - padding.y * 2) / height))
    const now = Math.min(count - done, fitting)
    const low = pages.take(now * height + padding.y * 2)
    const top = low + now * height + padding.y
    if (isHead) pages.fill(column.x, low, column.width, top + padding.y - low, colors.codeBack)
    let x = column.x
    for (const [at, lines] of set.entries()) {
      const cell = { x: x + padding.x, width: widths[at]! - padding.x * 2 }
      for (const [line, one] of lines.slice(done, done + now).entries())
        drawLine(
          layout,
          one,
          size,
          lineStart(one, cell, table.aligns[at]),
          top - (line + 1) * height + baselineOf(size),
        )
      x += widths[at]!
    }
    done += now
    pages.rule(column.x, column.width, low, colors.line)
  }
}

function setCell(layout: Layout, cell: StyledText | undefined, width: number): SetLine[] {
  return cell === undefined || cell.text === '' ? [] : setText(layout, cell, size, width)
}

/** Each column gets what its longest word needs, then what is left according to how much text it has. */
function columnWidths(layout: Layout, table: Table, width: number): number[] {
  const sample = [table.head, ...table.rows.slice(0, measured)]
  const wanted = table.head.map(() => ({ least: narrowest, natural: narrowest }))
  for (const row of sample)
    for (const [at, want] of wanted.entries()) {
      const { least, natural } = cellWidths(layout, row[at])
      want.least = Math.max(want.least, Math.min(least, longestWord))
      want.natural = Math.max(want.natural, natural)
    }
  return shareOut(wanted, width - wanted.length * padding.x * 2).map((one) => one + padding.x * 2)
}

/** What is content with less than its share gets what it wants; the others share the rest, each at least its longest word. */
function shareOut(wanted: { least: number; natural: number }[], width: number): number[] {
  const shares = new Array<number>(wanted.length).fill(0)
  let room = width
  let open = wanted.map((_, at) => at)
  for (;;) {
    const fair = room / open.length
    const content = open.filter((at) => wanted[at]!.natural <= fair)
    if (content.length === 0) break
    for (const at of content) {
      shares[at] = wanted[at]!.natural
      room -= wanted[at]!.natural
    }
    open = open.filter((at) => wanted[at]!.natural > fair)
    // A table is as wide as the text, so that its lines are.
    if (open.length === 0) return shares.map((share) => share + room / shares.length)
  }
  const least = open.reduce((sum, at) => sum + wanted[at]!.least, 0)
  for (const at of open)
    shares[at] = least < room ? wanted[at]!.least + (room - least) / open.length : (wanted[at]!.least * room) / least
  return shares
}

/** The longest word of a cell, and its text in one line, in points. */
function cellWidths(layout: Layout, cell: StyledText | undefined): { least: number; natural: number } {
  let least = 0
  let natural = 0
  if (cell && cell.text !== '')
    for (const line of splitLines(cell)) {
      let word = 0
      let all = 0
      for (const piece of paragraph(line, layout.han, layout.typesetter).pieces) {
        const width = widthOf(piece, size)
        word = piece.breakBefore ? width : word + width
        all += width
        if (!piece.isSpace) least = Math.max(least, word)
      }
      natural = Math.max(natural, all)
    }
  return { least: least + 0.1, natural: natural + 0.1 }
}

/** Every row as lines of `head: cell`. */
function* drawAsLists(layout: Layout, { head, rows }: Table, column: Column): Generator<void> {
  for (const row of [...(rows.length === 0 ? [head] : rows)]) {
    for (const [at, cell] of row.entries()) {
      if (cell.text === '') continue
      const name = head[at]
      drawText(layout, name && row !== head ? joined(name, cell) : cell, size, column)
    }
    const low = layout.pages.take(6)
    layout.pages.rule(column.x, column.width, low + 3, colors.line)
    yield
  }
}

function joined(name: StyledText, cell: StyledText): StyledText {
  const [first] = name.spans
  const start = name.text.length + 2
  return {
    text: `${name.text}: ${cell.text}`,
    spans: [
      ...name.spans,
      { end: start, style: first!.style },
      ...cell.spans.map(({ end, style }) => ({ end: end + start, style })),
    ],
  }
}

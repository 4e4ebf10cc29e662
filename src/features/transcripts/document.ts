import { fontLibrary } from './fonts/library.ts'
import { drawBlocks } from './layout/blocks.ts'
import { drawLine } from './layout/draw-line.ts'
import { pages } from './layout/pages.ts'
import { baselineOf, type Column, drawText, type Layout, lineStart, setText } from './layout/text-block.ts'
import { bodyStyle, type Color, colors, leading, page, sizes } from './layout/theme.ts'
import { markdownBlocks } from './markdown/blocks.ts'
import { markdownPieces, shortLines } from './markdown/pieces.ts'
import { drawnGlyphs } from './pdf/drawn-glyphs.ts'
import { embeddedFonts } from './pdf/embedded-fonts.ts'
import { pdfFile } from './pdf/file.ts'
import { number, reference, textString } from './pdf/values.ts'
import { cleanLine, cleanText, expandTabs } from './text/clean.ts'
import { hanForms } from './text/han-forms.ts'
import { shaper } from './text/shape.ts'
import { styled } from './text/styled-text.ts'
import { timesIn } from './times.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

/** What is written before it is handed on. */
const chunkBytes = 64 * 1024
const column: Column = { x: page.left, width: page.width - page.left - page.right }
const boxPadding = 7

export type Turns = AsyncIterable<TranscriptTurn> | Iterable<TranscriptTurn>

/**
 * A transcript as a PDF, in chunks. Lays out a page at a time and holds no more than that, the fonts, and which of their
 * glyphs were used; asks for the next turn when the chunk before was taken. Busy for as long as it takes: for a worker.
 */
export async function* transcriptDocument(head: TranscriptHead, turns: Turns): AsyncGenerator<Uint8Array> {
  const file = pdfFile()
  const library = fontLibrary()
  const fonts = embeddedFonts(file, library)
  const drawn = drawnGlyphs(file, library)
  const time = timesIn(head.timeZone)
  const total = file.reserve()
  const sheet = pages(file, (pageNumber) => footer(layout, pageNumber, total))
  const layout: Layout = {
    pages: sheet,
    fonts,
    drawn,
    typesetter: { library, shaper: shaper() },
    han: hanForms(`${head.title}${head.userName}${head.botName}`) ?? 'simplified',
  }
  const full = () => file.pendingBytes() >= chunkBytes

  const title = cleanLine(head.title, 300)
  drawText(layout, styled(title, { ...bodyStyle, bold: true }), sizes.title, column)
  sheet.space(8)
  const people: Person[] = [
    { name: cleanLine(head.userName, 120), color: colors.user },
    { name: cleanLine(head.botName, 120), color: colors.bot },
  ]

  for await (const turn of turns) {
    for (const _ of drawTurn(layout, turn, people, time)) if (full()) yield file.take()
  }
  const { root, count } = sheet.finish()
  writeTotal(layout, total, count)
  for (const part of [drawn.embed(), fonts.embed()]) for (const _ of part) if (full()) yield file.take()
  const catalog = file.add(`<</Type/Catalog/Pages ${reference(root)}/ViewerPreferences<</DisplayDocTitle true>>>>`)
  const info = file.add(`<</Title ${textString(title)}/Producer(Parley)/CreationDate(${pdfDate(head.createdAt)})>>`)
  file.finish(catalog, info)
  yield file.take()
}

interface Person {
  name: string
  color: Color
}

function* drawTurn(
  layout: Layout,
  turn: TranscriptTurn,
  people: Person[],
  time: (atMs: number) => string,
): Generator<void> {
  const [user, bot] = people as [Person, Person]
  yield* drawMessage(layout, user, time(turn.askedAt), turn.userText, drawAsTyped)
  layout.pages.space(8)
  yield* drawMessage(layout, bot, time(turn.answeredAt ?? turn.askedAt), turn.answerText, drawMarkdown)
  layout.pages.space(16)
}

function* drawMessage(
  layout: Layout,
  { name, color }: Person,
  at: string,
  text: string,
  draw: (layout: Layout, text: string) => Generator<void>,
): Generator<void> {
  const clean = cleanText(text)
  // What tells nothing of its own is written as what came before.
  layout.han = hanForms(clean) ?? layout.han
  const size = sizes.body
  layout.pages.need(size * leading * 3)
  const low = layout.pages.take(size * leading)
  const [named] = setText(layout, styled(name, { ...bodyStyle, bold: true, color }), size, column.width * 0.6)
  const [timed] = setText(layout, styled(at, { ...bodyStyle, color: colors.faint }), sizes.small, column.width * 0.4)
  drawLine(layout, named!, size, column.x, low + baselineOf(size))
  drawLine(layout, timed!, sizes.small, lineStart(timed!, column, 'right'), low + baselineOf(size))
  layout.pages.space(2)
  yield* draw(layout, clean)
}

/** What a person typed is shown as it was typed. */
function* drawAsTyped(layout: Layout, text: string): Generator<void> {
  layout.pages.openBox({ ...column, fill: colors.userBack })
  layout.pages.space(boxPadding)
  const inner = { x: column.x + boxPadding, width: column.width - boxPadding * 2 }
  for (const line of shortLines(text.replace(/^\n+|\s+$/g, ''))) {
    drawText(layout, styled(expandTabs(line), bodyStyle), sizes.body, inner)
    yield
  }
  layout.pages.space(boxPadding)
  layout.pages.closeBox()
}

function* drawMarkdown(layout: Layout, text: string): Generator<void> {
  let first = true
  for (const piece of markdownPieces(text)) {
    if (!first) layout.pages.space(5)
    first = false
    yield* drawBlocks(layout, markdownBlocks(piece), column)
  }
}

/** `n / N`, N being a drawing that every page refers to and that is made when the number is known. */
function footer(layout: Layout, pageNumber: number, total: number): void {
  const style = { ...bodyStyle, color: colors.faint }
  const [line] = setText(layout, styled(`${pageNumber} / `, style), sizes.small, 200)
  // Spaces at the end of a line have no width there; here they are the middle.
  const [before] = setText(layout, styled(`${pageNumber} /`, style), sizes.small, 200)
  const middle = page.width / 2
  const y = page.bottom - 30
  drawLine(layout, line!, sizes.small, middle - before!.width - 2, y)
  layout.pages.useObject('Total', total)
  layout.pages.draw(`q 1 0 0 1 ${number(middle)} ${number(y)} cm /Total Do Q`)
}

function writeTotal(layout: Layout, id: number, count: number): void {
  const style = { ...bodyStyle, color: colors.faint }
  const [line] = setText(layout, styled(String(count), style), sizes.small, 200)
  layout.pages.writeForm(id, () => drawLine(layout, line!, sizes.small, 1, 0))
}

/** In UTC. */
function pdfDate(atMs: number): string {
  return `D:${new Date(atMs).toISOString().replace(/\D/g, '').slice(0, 14)}Z`
}

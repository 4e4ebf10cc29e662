import type { HanForms } from '../fonts/catalog.ts'
import { fillLines, type Line } from '../text/lines.ts'
import { paragraph, type Typesetter } from '../text/paragraph.ts'
import { type StyledText, splitLines } from '../text/styled-text.ts'
import { drawLine, type Pen } from './draw-line.ts'
import { leading } from './theme.ts'

export type Align = 'left' | 'center' | 'right' | undefined

/** What drawing a message needs to know beside the message. */
export interface Layout extends Pen {
  typesetter: Typesetter
  /** Which forms of Han characters the message at hand wants. */
  han: HanForms
}

/** Where text may stand. */
export interface Column {
  x: number
  width: number
}

export interface SetLine extends Line {
  rtl: boolean
}

/** From the lower edge of a line to its baseline. */
export function baselineOf(size: number): number {
  return size * (leading - 1.05)
}

export function setText(layout: Layout, text: StyledText, size: number, width: number): SetLine[] {
  return splitLines(text).flatMap((one) => {
    const set = paragraph(one, layout.han, layout.typesetter)
    return fillLines(set, size, width, layout.typesetter).map((line) => ({ ...line, rtl: set.rtl }))
  })
}

/** Draws text down the pages, line by line. */
export function drawText(layout: Layout, text: StyledText, size: number, column: Column, align?: Align): void {
  for (const line of setText(layout, text, size, column.width)) {
    const low = layout.pages.take(size * leading)
    drawLine(layout, line, size, lineStart(line, column, align), low + baselineOf(size))
  }
}

/** Where a line begins: what is written from right to left ends at the right, unless it is told otherwise. */
export function lineStart(line: SetLine, { x, width }: Column, align: Align): number {
  const side = align ?? (line.rtl ? 'right' : 'left')
  if (side === 'left') return x
  return side === 'right' ? x + width - line.width : x + (width - line.width) / 2
}

const firstLetter = /\p{L}/u
const rtlLetter =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u

/** Whether a text begins from the right: its first letter is of such a script. */
export function startsRtl(text: string): boolean {
  const letter = firstLetter.exec(text)?.[0]
  return letter !== undefined && rtlLetter.test(letter)
}

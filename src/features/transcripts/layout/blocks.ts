import type { Block } from '../markdown/blocks.ts'
import { expandTabs } from '../text/clean.ts'
import { type Style, styled } from '../text/styled-text.ts'
import { drawLine } from './draw-line.ts'
import { drawTable } from './table.ts'
import { baselineOf, type Column, drawText, type Layout, setText, startsRtl } from './text-block.ts'
import { bodyStyle, colors, indent, leading, sizes } from './theme.ts'

const codeStyle: Style = { ...bodyStyle, monospaced: true }
const codeSize = 9.4
const codeLeading = 1.34
const codePadding = 6
const between = 5
const betweenItems = 2
const rightToLeftMark = '\u200f'
const bullets = ['•', '◦', '▪']

/** Draws blocks down the pages. Yields after each, and in long ones, so that what is full can be sent. */
export function* drawBlocks(layout: Layout, blocks: readonly Block[], column: Column, depth = 0): Generator<void> {
  for (const [at, block] of blocks.entries()) {
    // A list within a list belongs to the line above it.
    if (at > 0) layout.pages.space(depth > 0 && block.kind === 'list' ? betweenItems : between)
    yield* drawBlock(layout, block, column, depth)
    yield
  }
}

function* drawBlock(layout: Layout, block: Block, column: Column, depth: number): Generator<void> {
  switch (block.kind) {
    case 'paragraph':
      return drawText(layout, block.text, sizes.body, column)
    case 'heading': {
      const size = sizes.headings[block.level - 1] ?? sizes.body
      layout.pages.space(size * 0.35)
      // A heading does not stand alone at the end of a page.
      layout.pages.need(size * leading + sizes.body * leading * 2)
      return drawText(layout, block.text, size, column)
    }
    case 'code':
      return yield* drawCode(layout, block.source, column)
    case 'quote':
      return yield* drawQuote(layout, block.blocks, column, depth)
    case 'list':
      return yield* drawList(layout, block, column, depth)
    case 'table':
      return yield* drawTable(layout, block, column)
    case 'rule': {
      const low = layout.pages.take(9)
      return layout.pages.rule(column.x, column.width, low + 4.5, colors.line)
    }
  }
}

/** Code keeps its spaces and lines; what is too long goes on in the next line. */
function* drawCode(layout: Layout, source: string, column: Column): Generator<void> {
  const { pages, typesetter, han } = layout
  const height = codeSize * codeLeading
  pages.need(height + codePadding * 2)
  pages.openBox({ x: column.x, width: column.width, fill: colors.codeBack })
  pages.space(codePadding)
  const width = column.width - codePadding * 2
  const inner = { ...layout, han, typesetter }
  for (const line of source.split('\n')) {
    for (const set of setText(inner, styled(expandTabs(line), codeStyle), codeSize, width)) {
      const low = pages.take(height)
      drawLine(layout, set, codeSize, column.x + codePadding, low + codeSize * 0.32)
    }
    yield
  }
  pages.space(codePadding)
  pages.closeBox()
}

function* drawQuote(layout: Layout, blocks: Block[], column: Column, depth: number): Generator<void> {
  const rtl = blockStartsRtl(blocks)
  layout.pages.need(sizes.body * leading)
  layout.pages.openBox({ ...column, bar: { color: colors.quoteBar, width: 2.5, right: rtl } })
  yield* drawBlocks(layout, blocks, narrower(column, 12, rtl), depth)
  layout.pages.closeBox()
}

function* drawList(
  layout: Layout,
  { start, items }: { start: number | undefined; items: Block[][] },
  column: Column,
  depth: number,
): Generator<void> {
  const size = sizes.body
  const lastNumber = start === undefined ? 0 : start + items.length - 1
  const step = start === undefined ? indent.step : Math.max(indent.step + 2, String(lastNumber).length * 6 + 10)
  for (const [at, item] of items.entries()) {
    if (at > 0) layout.pages.space(betweenItems)
    const rtl = blockStartsRtl(item)
    const sign = start === undefined ? bullets[Math.min(depth, bullets.length - 1)]! : `${start + at}.`
    const marker = rtl ? `${rightToLeftMark}${sign}` : sign
    const inner = narrower(column, step, rtl)
    const [line] = setText(layout, styled(marker, bodyStyle), size, 200)
    layout.pages.need(size * leading)
    // The marker stands on the first line of its item, which is not taken yet.
    const y = layout.pages.y() - size * leading + baselineOf(size)
    const room = step - 5
    const x = rtl ? inner.x + inner.width + 5 : inner.x - 5 - Math.min(line!.width, room)
    drawLine(layout, line!, size, x, y)
    if (item.length === 0) layout.pages.take(size * leading)
    yield* drawBlocks(layout, item, inner, depth + 1)
  }
}

/** However deep it is nested, text keeps room to stand in. */
function narrower(column: Column, by: number, fromRight: boolean): Column {
  const less = Math.min(by, Math.max(0, column.width - indent.narrowest))
  return { x: fromRight ? column.x : column.x + less, width: column.width - less }
}

function blockStartsRtl(blocks: readonly Block[]): boolean {
  const [first] = blocks
  if (!first) return false
  if (first.kind === 'paragraph' || first.kind === 'heading') return startsRtl(first.text.text)
  if (first.kind === 'quote') return blockStartsRtl(first.blocks)
  return first.kind === 'list' && blockStartsRtl(first.items[0] ?? [])
}

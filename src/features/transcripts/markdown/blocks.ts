import MarkdownIt, { type Token } from 'markdown-it'
import { bodyStyle } from '../layout/theme.ts'
import type { Style, StyledText } from '../text/styled-text.ts'
import { inlineText } from './inlines.ts'

export type Align = 'left' | 'center' | 'right' | undefined

export type Block =
  | { kind: 'paragraph'; text: StyledText }
  | { kind: 'heading'; level: number; text: StyledText }
  | { kind: 'code'; source: string }
  | { kind: 'quote'; blocks: Block[] }
  /** `start` is undefined for a list of bullets. */
  | { kind: 'list'; start: number | undefined; items: Block[][] }
  | { kind: 'table'; head: StyledText[]; rows: StyledText[][]; aligns: Align[] }
  | { kind: 'rule' }

/** HTML stays text: what is in a message is shown, never acted on. */
const parser = MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false })
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })

/** Markdown (CommonMark, tables, strikethrough, bare links) → blocks. */
export function markdownBlocks(source: string): Block[] {
  const tokens = parser.parse(source, {})
  let at = 0
  return blocksUntil()

  /** Blocks up to the end of what they stand in, which is passed over. */
  function blocksUntil(closing?: string): Block[] {
    const blocks: Block[] = []
    while (at < tokens.length) {
      const token = tokens[at++]!
      if (token.type === closing) return blocks
      const block = blockFrom(token)
      if (block) blocks.push(block)
    }
    return blocks
  }

  function blockFrom(token: Token): Block | undefined {
    switch (token.type) {
      case 'paragraph_open':
        return { kind: 'paragraph', text: inlineUntil('paragraph_close') }
      case 'heading_open':
        return {
          kind: 'heading',
          level: Number(token.tag.slice(1)),
          text: inlineUntil('heading_close', { bold: true }),
        }
      case 'fence':
      case 'code_block':
        return { kind: 'code', source: token.content.replace(/\n$/, '') }
      case 'blockquote_open':
        return { kind: 'quote', blocks: blocksUntil('blockquote_close') }
      case 'bullet_list_open':
        return { kind: 'list', start: undefined, items: itemsUntil('bullet_list_close') }
      case 'ordered_list_open':
        return { kind: 'list', start: Number(token.attrGet('start') ?? 1), items: itemsUntil('ordered_list_close') }
      case 'table_open':
        return table()
      case 'hr':
        return { kind: 'rule' }
      default:
        return undefined
    }
  }

  function inlineUntil(closing: string, more: Partial<Style> = {}): StyledText {
    let children: Token[] = []
    while (at < tokens.length) {
      const token = tokens[at++]!
      if (token.type === closing) break
      if (token.type === 'inline') children = token.children ?? []
    }
    return inlineText(children, { ...bodyStyle, ...more })
  }

  function itemsUntil(closing: string): Block[][] {
    const items: Block[][] = []
    while (at < tokens.length) {
      const token = tokens[at++]!
      if (token.type === closing) break
      if (token.type === 'list_item_open') items.push(blocksUntil('list_item_close'))
    }
    return items
  }

  function table(): Block {
    const rows: StyledText[][] = []
    const aligns: Align[] = []
    while (at < tokens.length) {
      const token = tokens[at++]!
      if (token.type === 'table_close') break
      if (token.type === 'tr_open') rows.push([])
      if (token.type === 'th_open') {
        aligns.push(/text-align:(left|center|right)/.exec(String(token.attrGet('style')))?.[1] as Align)
        rows.at(-1)!.push(inlineUntil('th_close', { bold: true }))
      }
      if (token.type === 'td_open') rows.at(-1)!.push(inlineUntil('td_close'))
    }
    return { kind: 'table', head: rows[0] ?? [], rows: rows.slice(1), aligns }
  }
}

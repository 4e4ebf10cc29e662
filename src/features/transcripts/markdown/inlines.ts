import type { Token } from 'markdown-it'
import { colors } from '../layout/theme.ts'
import type { Style, StyledText } from '../text/styled-text.ts'
import { safeLink } from './safe-link.ts'

const hasRtl = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

/** Inline tokens → text and how each stretch of it looks. Hard line breaks become `\n`. */
export function inlineText(tokens: readonly Token[], base: Style): StyledText {
  let text = ''
  const spans: StyledText['spans'] = []
  const stack: Style[] = [base]
  const top = () => stack.at(-1)!
  const push = (more: Partial<Style>) => stack.push({ ...top(), ...more })

  function add(part: string, style: Style): void {
    if (part === '') return
    text += part
    const last = spans.at(-1)
    if (last?.style === style) last.end = text.length
    else spans.push({ end: text.length, style })
  }

  // Code keeps its own direction, or the brackets of `f()` go astray; only such text knows of directions at all.
  const mixed = tokens.some(({ content }) => hasRtl.test(content))
  const [open, close] = mixed ? ['\u2066', '\u2069'] : ['', '']

  for (const [at, token] of tokens.entries())
    switch (token.type) {
      case 'text':
        add(shown(token.content, at === 0), top())
        break
      case 'code_inline':
        add(`${open}${token.content}${close}`, { ...top(), monospaced: true, onGray: true })
        break
      case 'softbreak':
        add(' ', top())
        break
      case 'hardbreak':
        add('\n', top())
        break
      case 'strong_open':
        push({ bold: true })
        break
      case 'em_open':
        push({ italic: true })
        break
      case 's_open':
        push({ struck: true })
        break
      case 'link_open': {
        const link = safeLink(String(token.attrGet('href')))
        push(link === undefined ? {} : { link, color: colors.link })
        break
      }
      case 'strong_close':
      case 'em_close':
      case 's_close':
      case 'link_close':
        stack.pop()
        break
      case 'image': {
        // Nothing is fetched: a picture is told of by its words, and where it is.
        const link = safeLink(String(token.attrGet('src')))
        add(`[${token.content || 'image'}]`, link === undefined ? top() : { ...top(), link, color: colors.link })
        break
      }
    }
  return { text, spans: spans.length > 0 ? spans : [{ end: 0, style: base }] }
}

/** `<br>` is the one tag that models write where Markdown has no other way (in tables). */
function shown(text: string, first: boolean): string {
  const broken = text.replace(/<br ?\/?>/gi, '\n').replace(/[ \t]+/g, ' ')
  return first ? broken.replace(/^\[ \] /, '☐ ').replace(/^\[[xX]\] /, '☑ ') : broken
}

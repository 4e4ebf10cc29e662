import type { DrawnGlyph } from '../pdf/drawn-glyphs.ts'
import type { EmbeddedFont } from '../pdf/embedded-fonts.ts'
import type { PdfFile } from '../pdf/file.ts'
import { asciiString, number, numbers, reference } from '../pdf/values.ts'
import { type Color, page } from './theme.ts'

/** What lies behind the text of a stretch of pages. */
export interface Box {
  x: number
  width: number
  fill?: Color
  /** A bar along one edge. */
  bar?: { color: Color; width: number; right: boolean }
}

interface OpenBox extends Box {
  /** Where it begins on this page, from its lower edge. */
  top: number
}

/** More pages in one node of the page tree, and finding a page takes long. */
const pagesPerNode = 64

export type Pages = ReturnType<typeof pages>

/**
 * The pages of a document, one at a time: what is drawn goes to the page at hand, and a page that is full is written and
 * forgotten. `footer` draws below the text of each page.
 */
export function pages(file: PdfFile, footer: (pageNumber: number) => void) {
  const top = page.height - page.top
  const bottom = page.bottom
  const root = file.reserve()
  const nodes: { id: number; kids: number[] }[] = []
  const open: OpenBox[] = []
  let count = 0
  let y = top
  let behind: string[] = []
  let content: string[] = []
  let fonts = new Map<string, number>()
  let objects = new Map<string, number>()
  let links: number[] = []
  let empty = true

  function start(): void {
    count++
    y = top
    behind = []
    content = []
    fonts = new Map()
    objects = new Map()
    links = []
    empty = true
    for (const box of open) box.top = y
  }

  function write(): void {
    for (const box of open) drawBox(box, y)
    footer(count)
    let node = nodes.at(-1)
    if (!node || node.kids.length === pagesPerNode) {
      node = { id: file.reserve(), kids: [] }
      nodes.push(node)
    }
    const stream = file.addStream('', [...behind, ...content].join('\n'))
    const named = (kept: Map<string, number>) => [...kept].map(([name, id]) => `/${name} ${reference(id)}`).join('')
    const resources = `<</Font<<${named(fonts)}>>${objects.size > 0 ? `/XObject<<${named(objects)}>>` : ''}>>`
    const annotations = links.length > 0 ? `/Annots[${links.map(reference).join(' ')}]` : ''
    node.kids.push(
      file.add(
        `<</Type/Page/Parent ${reference(node.id)}/Resources${resources}/Contents ${reference(stream)}${annotations}>>`,
      ),
    )
  }

  function drawBox({ x, width, top: from, fill, bar }: OpenBox, to: number): void {
    if (from - to < 0.01) return
    const at = (left: number, wide: number) => `${numbers([left, to, wide, from - to])} re f`
    if (fill) behind.push(`${numbers(fill)} rg ${at(x, width)}`)
    if (bar) behind.push(`${numbers(bar.color)} rg ${at(bar.right ? x + width - bar.width : x, bar.width)}`)
  }

  /** Room for `height` points on one page: on this one, else on the next. What is higher than a page begins on a new one. */
  function need(height: number): void {
    if (y - height < bottom && !empty) next()
  }

  function next(): void {
    write()
    start()
  }

  /** Goes down, but not off the page: space between things is not carried over to the next one. */
  function space(height: number): void {
    if (!empty || open.length > 0) y = Math.max(y - height, bottom)
  }

  /** Takes the next `height` points, wherever there is room for them, and gives their lower edge. */
  function take(height: number): number {
    need(height)
    y -= height
    empty = false
    return y
  }

  function openBox(box: Box): void {
    open.push({ ...box, top: y })
  }

  function closeBox(): void {
    const box = open.pop()
    if (box) drawBox(box, y)
  }

  function draw(operators: string): void {
    content.push(operators)
  }

  function useFont(font: EmbeddedFont): string {
    fonts.set(font.name, font.id)
    return font.name
  }

  function useDrawn(glyph: DrawnGlyph): string {
    fonts.set(glyph.fontName, glyph.fontId)
    return glyph.fontName
  }

  function useObject(name: string, id: number): void {
    objects.set(name, id)
  }

  function link(x: number, low: number, width: number, height: number, target: string): void {
    const rectangle = numbers([x, low, x + width, low + height])
    const action = `<</S/URI/URI ${asciiString(target)}>>`
    links.push(file.add(`<</Type/Annot/Subtype/Link/Rect[${rectangle}]/Border[0 0 0]/A${action}>>`))
  }

  function rule(x: number, width: number, at: number, color: Color, thickness = 0.6): void {
    draw(`${numbers(color)} RG ${number(thickness)} w ${numbers([x, at])} m ${numbers([x + width, at])} l S`)
  }

  /** A rectangle behind the text, from its lower left corner. */
  function fill(x: number, low: number, width: number, height: number, color: Color): void {
    behind.push(`${numbers(color)} rg ${numbers([x, low, width, height])} re f`)
  }

  /** A drawing of its own that pages refer to (`useObject`), once the last page is written. */
  function writeForm(id: number, drawContent: () => void): void {
    content = []
    fonts = new Map()
    drawContent()
    const used = [...fonts].map(([name, font]) => `/${name} ${reference(font)}`).join('')
    const box = `[0 -20 200 40]`
    file.writeStream(id, `/Type/XObject/Subtype/Form/BBox${box}/Resources<</Font<<${used}>>>>`, content.join('\n'))
  }

  /** Writes the last page and the tree of all. */
  function finish(): { root: number; count: number } {
    write()
    for (const { id, kids } of nodes)
      file.write(
        id,
        `<</Type/Pages/Parent ${reference(root)}/Count ${kids.length}/Kids[${kids.map(reference).join(' ')}]>>`,
      )
    const media = `/MediaBox[0 0 ${number(page.width)} ${number(page.height)}]`
    const kids = nodes.map(({ id }) => reference(id)).join(' ')
    file.write(root, `<</Type/Pages/Count ${count}/Kids[${kids}]${media}>>`)
    return { root, count }
  }

  start()
  return {
    need,
    space,
    take,
    openBox,
    closeBox,
    draw,
    rule,
    fill,
    link,
    useFont,
    useDrawn,
    useObject,
    writeForm,
    finish,
    /** The lower edge of what was taken. */
    y: () => y,
    /** What is left of this page. */
    room: () => y - bottom,
  }
}

import * as harfbuzz from 'harfbuzzjs'
import type { Font } from '../fonts/library.ts'
import type { DrawingResources } from './drawing-resources.ts'
import { glyphPath } from './glyph-path.ts'
import { numbers } from './values.ts'

/** Larger than any glyph, in units of a font. */
const everywhere = '-8192 -8192 16384 16384 re'

/** Content of a form or glyph that is being made, with a clip path that is not yet needed as one. */
interface Surface {
  operators: string[]
  clip: string | undefined
}

/** Paints glyphs of a COLR font as PDF operators, in units of the font. */
export function colorGlyphs(font: Font, resources: DrawingResources) {
  const painter = new harfbuzz.PaintFuncs()
  let surfaces: Surface[] = []
  const top = () => surfaces.at(-1)!

  /** What was only remembered as the shape of the next fill becomes a clip. */
  function clipNow(): string[] {
    const surface = top()
    if (surface.clip !== undefined) surface.operators.push(`${surface.clip}W n`)
    surface.clip = undefined
    return surface.operators
  }
  function pop(): void {
    top().clip = undefined
    top().operators.push('Q')
  }

  painter.setPushTransformFunc((xx, yx, xy, yy, dx, dy) => {
    clipNow().push(`q ${[xx, yx, xy, yy].map(precise).join(' ')} ${numbers([dx, dy])} cm`)
  })
  painter.setPopTransformFunc(pop)
  painter.setPushClipGlyphFunc((glyph, shaper) => {
    clipNow().push('q')
    top().clip = glyphPath(shaper, glyph)
  })
  painter.setPushClipRectangleFunc((xMin, yMin, xMax, yMax) => {
    clipNow().push('q')
    top().clip = `${numbers([xMin, yMin, xMax - xMin, yMax - yMin])} re `
  })
  painter.setPopClipFunc(pop)

  painter.setColorFunc((_, { red, green, blue, alpha }) => {
    const fill = `${rgb(red, green, blue)} rg ${top().clip ?? everywhere} f`
    top().operators.push(alpha === 255 ? fill : `q /${resources.alpha(alpha / 255)} gs ${fill} Q`)
  })
  painter.setLinearGradientFunc((line, x0, y0, x1, y1, x2, y2) => {
    const [endX, endY] = upright([x0, y0], [x1, y1], [x2, y2])
    shade(line, 2, (from, to) => [
      x0 + (endX - x0) * from,
      y0 + (endY - y0) * from,
      x0 + (endX - x0) * to,
      y0 + (endY - y0) * to,
    ])
  })
  painter.setRadialGradientFunc((line, x0, y0, r0, x1, y1, r1) => {
    const between = (share: number) => [
      x0 + (x1 - x0) * share,
      y0 + (y1 - y0) * share,
      Math.max(0, r0 + (r1 - r0) * share),
    ]
    shade(line, 3, (from, to) => [...between(from), ...between(to)])
  })
  // No emoji has one; the mean of its colours is near enough to be seen.
  painter.setSweepGradientFunc((line) => {
    const { red, green, blue } = line.colorStops[0]!.color
    top().operators.push(`${rgb(red, green, blue)} rg ${top().clip ?? everywhere} f`)
  })
  painter.setPushGroupFunc(() => {
    clipNow()
    surfaces.push({ operators: [], clip: undefined })
  })
  painter.setPopGroupFunc((mode) => {
    clipNow()
    const source = surfaces.pop()!.operators.join('\n')
    const below = top()
    const { SRC_IN, SOFT_LIGHT } = harfbuzz.PaintCompositeMode
    if (mode === SRC_IN) {
      const mask = resources.alphaMask(below.operators.join('\n'))
      below.operators = [`q /${mask} gs ${source} Q`]
    } else if (mode === SOFT_LIGHT) below.operators.push(`q /${resources.blend('SoftLight')} gs ${source} Q`)
    else below.operators.push(source)
  })

  /** `type`: PDF's number of a gradient along a line or between circles. `coordinates`: of the part of it between two offsets. */
  function shade(line: harfbuzz.ColorLine, type: 2 | 3, coordinates: (from: number, to: number) => number[]): void {
    const stops = line.colorStops.toSorted((a, b) => a.offset - b.offset)
    const from = stops[0]!.offset
    const length = stops.at(-1)!.offset - from || 1
    const at = numbers(coordinates(from, from + length))
    const offsets = stops.map(({ offset }) => (offset - from) / length)
    const colors = stops.map(({ color }) => [color.red / 255, color.green / 255, color.blue / 255])
    const alphas = stops.map(({ color }) => color.alpha / 255)
    const operators = clipNow()
    const paint = `/${resources.shading(type, at, offsets, colors)} sh`
    const solid = alphas.every((alpha) => alpha === alphas[0])
    if (solid && alphas[0] === 1) return void operators.push(paint)
    const state = solid
      ? resources.alpha(alphas[0]!)
      : resources.luminosityMask(
          type,
          at,
          offsets,
          alphas.map((alpha) => [alpha]),
        )
    operators.push(`q /${state} gs ${paint} Q`)
  }

  /** The operators that paint a glyph. */
  function paint(glyph: number): string {
    surfaces = [{ operators: [], clip: undefined }]
    font.shaper.paintGlyph(glyph, painter)
    return surfaces[0]!.operators.join('\n')
  }

  return { paint }
}

function rgb(red: number, green: number, blue: number): string {
  return numbers([red / 255, green / 255, blue / 255])
}

/** Matrices scale: three decimals are not enough. */
function precise(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(6))) : '0'
}

/** COLR gives a third point for the direction in which a linear gradient does not change; PDF takes it as upright. */
function upright([x0, y0]: number[], [x1, y1]: number[], [x2, y2]: number[]): [number, number] {
  const [ax, ay] = [x2! - x0!, y2! - y0!]
  const square = ax * ax + ay * ay
  if (square < 1e-6) return [x1!, y1!]
  const share = (ax * (x1! - x0!) + ay * (y1! - y0!)) / square
  return [x1! - share * ax, y1! - share * ay]
}

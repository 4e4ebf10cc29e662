import type * as harfbuzz from 'harfbuzzjs'
import { numbers } from './values.ts'

/** The outline of a glyph as path operators, in units of its font times `scale`, moved by `x` and `y`. */
export function glyphPath(shaper: harfbuzz.Font, glyph: number, scale = 1, x = 0, y = 0): string {
  const at = (value: number, index: number) => value * scale + (index % 2 === 0 ? x : y)
  let path = ''
  let last: number[] = [0, 0]
  for (const { type, values } of shaper.glyphToJson(glyph)) {
    const points = values.map(at)
    if (type === 'M') path += `${numbers(points)} m `
    else if (type === 'L') path += `${numbers(points)} l `
    else if (type === 'C') path += `${numbers(points)} c `
    else if (type === 'Q') path += `${numbers(cubic(last, points))} c `
    else path += 'h '
    if (points.length > 0) last = points.slice(-2)
  }
  return path
}

/** PDF has no quadratic curves. */
function cubic([x0, y0]: number[], [cx, cy, x, y]: number[]): number[] {
  const toward = (from: number, to: number) => from + (2 / 3) * (to - from)
  return [toward(x0!, cx!), toward(y0!, cy!), toward(x!, cx!), toward(y!, cy!), x!, y!]
}

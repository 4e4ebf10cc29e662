import type { PdfFile } from './file.ts'
import { number, numbers, reference } from './values.ts'

/** Colours of a gradient in one component (gray) or three. */
type Colors = number[][]

export type DrawingResources = ReturnType<typeof drawingResources>

/** Graphics states, gradients and masks that drawings of one document share, by the names their content uses. */
export function drawingResources(file: PdfFile) {
  const id = file.reserve()
  const states = new Map<string, string>()
  const shadings = new Map<string, string>()

  function named(kept: Map<string, string>, prefix: string, body: string): string {
    const name = kept.get(body) ?? `${prefix}${kept.size}`
    kept.set(body, name)
    return name
  }

  /** How opaque what follows is, from 0 to 1. */
  function alpha(value: number): string {
    return named(states, 'G', `<</ca ${number(value)}>>`)
  }

  function blend(mode: 'SoftLight'): string {
    return named(states, 'G', `<</BM/${mode}>>`)
  }

  function shading(type: 2 | 3, coordinates: string, offsets: number[], colors: Colors): string {
    return named(shadings, 'S', shadingDictionary(type, coordinates, offsets, colors))
  }

  /** What follows is opaque where `content` painted anything. */
  function alphaMask(content: string): string {
    return mask('Alpha', content, '/S/Transparency')
  }

  /** What follows is as opaque as a gradient of grays is light. */
  function luminosityMask(type: 2 | 3, coordinates: string, offsets: number[], grays: Colors): string {
    return mask('Luminosity', `/${shading(type, coordinates, offsets, grays)} sh`, '/S/Transparency/CS/DeviceGray')
  }

  function mask(kind: 'Alpha' | 'Luminosity', content: string, group: string): string {
    const form = `/Type/XObject/Subtype/Form/BBox[-8192 -8192 8192 8192]/Group<<${group}>>/Resources ${reference(id)}`
    return named(states, 'G', `<</SMask<</S/${kind}/G ${reference(file.addStream(form, content))}>>>>`)
  }

  function write(): void {
    const entries = (kept: Map<string, string>) => [...kept].map(([body, name]) => `/${name} ${body}`).join('')
    file.write(id, `<</ExtGState<<${entries(states)}>>/Shading<<${entries(shadings)}>>>>`)
  }

  return { id, alpha, blend, shading, alphaMask, luminosityMask, write }
}

function shadingDictionary(type: 2 | 3, coordinates: string, offsets: number[], colors: Colors): string {
  const space = colors[0]!.length === 1 ? 'DeviceGray' : 'DeviceRGB'
  const between = (from: number[], to: number[]) =>
    `<</FunctionType 2/Domain[0 1]/C0[${numbers(from)}]/C1[${numbers(to)}]/N 1>>`
  const steps =
    colors.length === 1 ? [between(colors[0]!, colors[0]!)] : colors.slice(1).map((to, at) => between(colors[at]!, to))
  const bounds = numbers(increasing(offsets.slice(1, -1)))
  const encode = steps.map(() => '0 1').join(' ')
  const whole =
    steps.length === 1
      ? steps[0]
      : `<</FunctionType 3/Domain[0 1]/Functions[${steps.join('')}]/Bounds[${bounds}]/Encode[${encode}]>>`
  return `<</ShadingType ${type}/ColorSpace/${space}/Coords[${coordinates}]/Function ${whole}/Extend[true true]>>`
}

/** Bounds must grow from one to the next; two stops in one place are a thousandth apart. */
function increasing(offsets: number[]): number[] {
  let last = 0
  return offsets.map((offset) => {
    last = Math.min(Math.max(offset, last + 0.001), 0.999)
    return last
  })
}

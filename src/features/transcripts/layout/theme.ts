import type { Style } from '../text/styled-text.ts'

/** A4, in points from the lower left corner as PDF has it. */
export const page = { width: 595.28, height: 841.89, left: 54, right: 54, top: 56, bottom: 64 }

export const sizes = { body: 10, small: 8.5, title: 18, headings: [15, 13.5, 12, 11, 10.5, 10] }
/** From one baseline to the next, as a multiple of the size: room for Thai and Hindi, whose letters are tall. */
export const leading = 1.5
/** How far lists and quotes go in, and the narrowest that text gets however deep it is nested. */
export const indent = { step: 16, narrowest: 140 }

export type Color = readonly [number, number, number]
export const colors = {
  text: [0.13, 0.14, 0.16],
  faint: [0.45, 0.47, 0.5],
  link: [0.05, 0.35, 0.7],
  user: [0.1, 0.33, 0.62],
  bot: [0.1, 0.42, 0.3],
  line: [0.8, 0.82, 0.84],
  userBack: [0.949, 0.961, 0.98],
  codeBack: [0.957, 0.957, 0.965],
  quoteBar: [0.72, 0.75, 0.79],
} as const satisfies Record<string, Color>

export const bodyStyle: Style = {
  bold: false,
  italic: false,
  monospaced: false,
  struck: false,
  color: colors.text,
}

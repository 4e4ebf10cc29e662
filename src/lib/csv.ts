/** What spreadsheets take for the beginning of a formula, also in full width. */
const formula = /^[=+\-@\t\r＝＋－＠]/

/**
 * A line of RFC 4180, with its end. A value that a spreadsheet would run as a formula gets an apostrophe before it, by
 * which they show it as the text that it is.
 */
export function csvLine(values: readonly (string | number | boolean | null)[]): string {
  return `${values.map(cell).join(',')}\r\n`
}

function cell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

import { isMet, judgedValue, type Row } from './row.ts'

/** Where and how the figures were taken; without it they mean nothing. */
export type Circumstances = Record<string, string>

/** The whole result as Markdown. */
export function renderTable(title: string, subjectName: string, rows: Row[], circumstances: Circumstances): string {
  const header = ['measure', 'baseline', subjectName, 'ratio / added', 'target', 'met?']
  const cells = [header, header.map(() => '---'), ...rows.map(renderRow)]
  const lines = cells.map((line) => `| ${line.join(' | ')} |`)
  const facts = Object.entries(circumstances).map(([name, value]) => `- ${name}: ${value}`)
  const remarks = rows.flatMap((row) => {
    const remark = [...new Set(row.voids.map((reason) => `VOID: ${reason}`)), ...row.notes].join('; ')
    return remark ? [`- ${row.measure}: ${remark}`] : []
  })
  return [`# ${title}`, '', ...facts, '', ...lines, '', ...remarks, ''].join('\n')
}

function renderRow(row: Row): string[] {
  const figures = (values: number[] | undefined) =>
    values === undefined ? '–' : `${values.map(formatNumber).join(' / ')} ${row.unit}`
  return [
    row.measure,
    figures(row.baseline),
    figures(row.subject),
    renderComparison(row),
    renderTarget(row),
    renderMet(row),
  ]
}

function renderComparison(row: Row): string {
  if (!row.comparison) return '–'
  const { kind, value } = row.comparison
  return kind === 'ratio'
    ? `× ${value.toFixed(2)}`
    : `${value < 0 ? '−' : '+'}${formatNumber(Math.abs(value))} ${row.unit}`
}

function renderTarget(row: Row): string {
  if (!row.target) return '–'
  const { bound, limit, aim } = row.target
  const unit = row.comparison?.kind === 'ratio' ? '' : ` ${row.unit}`
  return `${bound === 'at-least' ? '≥' : '≤'} ${limit}${unit}${aim === undefined ? '' : ` (aim ${aim})`}`
}

function renderMet(row: Row): string {
  if (row.voids.length > 0) return 'VOID'
  const met = isMet(row)
  if (met === undefined) return '–'
  const aim = row.target?.aim
  if (met && aim !== undefined && judgedValue(row) >= aim) return 'yes, and the aim'
  return met ? 'yes' : 'NO'
}

function formatNumber(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

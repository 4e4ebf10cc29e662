/** A figure that only grows. Whoever counts holds it and adds to `value`: nothing is looked up while counting. */
export interface Cell {
  value: number
}

/** A name with a value for each combination of its labels. */
export interface Counter {
  /** The cell for these label values, given in the order of the labels. */
  cell(...values: string[]): Cell
}

/** One value of a gauge, with its label values in the order of the labels. */
export type Sample = [value: number, ...labels: string[]]

/** Figures of one process, and their text for whoever scrapes them. */
export interface Metrics {
  counter(name: string, help: string, labels?: string[]): Counter
  /** A figure that is looked up when somebody asks. */
  gauge(name: string, help: string, labels: string[], read: () => Sample[]): void
  /** As `gauge`, of a figure that only grows. */
  total(name: string, help: string, labels: string[], read: () => Sample[]): void
  /** Prometheus' text format, version 0.0.4. */
  text(): string
}

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge'
  labels: string[]
  read(): Sample[]
}

export function metrics(): Metrics {
  const families: Family[] = []

  function add(family: Family): void {
    if (families.some(({ name }) => name === family.name)) throw new Error(`The metric ${family.name} is there already`)
    families.push(family)
  }

  return {
    counter(name, help, labels = []) {
      const cells = new Map<string, { cell: Cell; values: string[] }>()
      add({
        name,
        help,
        type: 'counter',
        labels,
        read: () => [...cells.values()].map(({ cell, values }) => [cell.value, ...values]),
      })
      return {
        cell(...values) {
          const key = values.length === 1 ? values[0]! : JSON.stringify(values)
          const known = cells.get(key)
          if (known) return known.cell
          const cell = { value: 0 }
          cells.set(key, { cell, values })
          return cell
        },
      }
    },
    gauge: (name, help, labels, read) => add({ name, help, type: 'gauge', labels, read }),
    total: (name, help, labels, read) => add({ name, help, type: 'counter', labels, read }),
    text: () => families.map(textOf).join(''),
  }
}

function textOf({ name, help, type, labels, read }: Family): string {
  const lines = read().map(([value, ...values]) => `${name}${labelled(labels, values)} ${value}\n`)
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelled(labels: string[], values: string[]): string {
  if (labels.length === 0) return ''
  return `{${labels.map((label, at) => `${label}="${escaped(values[at]!).replaceAll('"', '\\"')}"`).join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

import { expect, it } from 'vitest'
import { metrics } from './metrics.ts'

it('counts by labels and writes what Prometheus reads', () => {
  const numbers = metrics()
  const counter = numbers.counter('x_total', 'How many x.', ['door', 'outcome'])
  counter.cell('app', 'good').value++
  counter.cell('app', 'good').value += 2
  counter.cell('app', 'bad')
  numbers.gauge('y', 'Lines\nand \\ too.', [], () => [[1.5]])
  numbers.total('z_total', 'Z.', ['name'], () => [[7, 'a "quoted"\n\\ name']])
  expect(numbers.text()).toBe(
    [
      '# HELP x_total How many x.',
      '# TYPE x_total counter',
      'x_total{door="app",outcome="good"} 3',
      'x_total{door="app",outcome="bad"} 0',
      '# HELP y Lines\\nand \\\\ too.',
      '# TYPE y gauge',
      'y 1.5',
      '# HELP z_total Z.',
      '# TYPE z_total counter',
      'z_total{name="a \\"quoted\\"\\n\\\\ name"} 7',
      '',
    ].join('\n'),
  )
})

it('refuses a name twice', () => {
  const numbers = metrics()
  numbers.counter('x_total', 'X.')
  expect(() => numbers.gauge('x_total', 'X.', [], () => [])).toThrow('x_total')
})

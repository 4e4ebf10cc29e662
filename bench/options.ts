import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parley } from './subjects.ts'

export const scenarioNames = ['nonstream', 'stream', 'memory', 'sockets', 'start'] as const
export type ScenarioName = (typeof scenarioNames)[number]

export type Options = {
  only: ScenarioName[]
  quick: boolean
  profile: boolean
  subject: 'parley' | 'bare'
  rounds: number
}

/** Throws on an unknown option or scenario. */
export function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', default: scenarioNames.join(',') },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      subject: { type: 'string', default: existsSync(parley.script) ? 'parley' : 'bare' },
      rounds: { type: 'string' },
    },
  })
  const only = values.only.split(',') as ScenarioName[]
  const unknown = only.find((name) => !scenarioNames.includes(name))
  if (unknown !== undefined) throw new Error(`unknown scenario ${unknown}; there are ${scenarioNames.join(', ')}`)
  if (values.subject !== 'parley' && values.subject !== 'bare') throw new Error('--subject is parley or bare')
  const rounds = Number(values.rounds ?? (values.quick || values.profile ? 1 : 5))
  if (!(rounds >= 1 && rounds <= 20)) throw new Error('--rounds is a number from 1 to 20')
  return { only, quick: values.quick, profile: values.profile, subject: values.subject, rounds }
}

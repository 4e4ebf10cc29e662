/**
 * What guardrails cost the processor for each chunk of an answer: ten local rules against none, through the engine's own
 * writer of parts. `node bench/guardrails.ts`; the figures are of this machine, the relation is what counts.
 */
import type { Guardrail, GuardrailCheck } from '#contracts/index.ts'
import { compileRules, Guard } from '#engine/moderation/index.ts'
import { PartWriter } from '#engine/part-writer.ts'

const words = (from: number): GuardrailCheck => ({
  kind: 'words',
  words: Array.from({ length: 200 }, (_, index) => `forbidden${from + index}`),
  match: from % 2 === 0 ? 'word' : 'part',
})
const pattern = (text: string): GuardrailCheck => ({ kind: 'pattern', pattern: text, ignoreCase: true })
const checks: GuardrailCheck[] = [
  words(0),
  words(1),
  words(1_000),
  words(2_001),
  pattern(String.raw`\bPRJ-\d{4,6}\b`),
  pattern('internal use only'),
  pattern('sk-[a-z0-9]{20,}'),
  pattern(String.raw`https?://intra\.\S+`),
  { kind: 'personal-data', types: ['phone', 'card', 'iban', 'us-ssn', 'kr-rrn', 'cn-id'] },
  { kind: 'personal-data', types: ['email'] },
]

const texts = {
  English: 'The quick brown fox, born in 1987, jumps over 13 lazy dogs; see https://example.org/fox for more of it. ',
  Korean: '빠른 갈색 여우가 게으른 개 13마리를 뛰어넘었고, 1987년에 태어났다고 합니다. 자세한 것은 홈페이지를 보세요. ',
}
const chunkLength = 4
const chunks = 200_000

const rules = checks.map(
  (check, index): Guardrail => ({
    id: index + 1,
    publicId: `${index}`,
    name: `rule ${index}`,
    where: 'output',
    action: 'mask',
    check,
  }),
)
const compiled = await compileRules(rules)

function measure(text: string, guarded: boolean): number {
  const nobody = () => Promise.reject(new Error('nobody to ask'))
  const guard = new Guard(compiled, {
    openModel: nobody,
    moderate: nobody,
    now: () => 0,
    log: { warn: () => undefined },
    timeouts: { endpointMs: 1, judgeMs: 1 },
  })
  const writer = new PartWriter(
    () => undefined,
    () => 'server',
    0,
  )
  const target = guarded ? guard.answer(writer)! : writer
  const pieces = Array.from({ length: chunks }, (_, index) => {
    const at = (index * chunkLength) % (text.length - chunkLength)
    return { type: 'text' as const, text: text.slice(at, at + chunkLength) }
  })
  const startedAt = process.hrtime.bigint()
  for (const piece of pieces) target.write(piece)
  return Number(process.hrtime.bigint() - startedAt) / chunks
}

for (const [language, text] of Object.entries(texts)) {
  for (const guarded of [false, true]) measure(text, guarded)
  const best = (guarded: boolean) => Math.min(...Array.from({ length: 5 }, () => measure(text, guarded)))
  const [without, within] = [best(false), best(true)]
  const micros = (ns: number) => `${(ns / 1_000).toFixed(2)} µs`
  console.log(
    `${language}: ${micros(without)} a chunk of ${chunkLength} characters without rules, ${micros(within)} with ${rules.length}`,
  )
}

import { AppError } from '#errors/index.ts'
import { isObject, parseUpstreamJson } from '../json.ts'
import type { Opinion } from '../spec.ts'
import { toldError } from './errors.ts'

/** The answer of a moderation endpoint → one opinion a text. Throws `upstream-malformed` when it is none. */
export function fromModeration(body: string, texts: number, secret: string | undefined): Opinion[] {
  const answer = parseUpstreamJson(body)
  if (answer.error) throw toldError(answer.error, body, secret)
  const { results } = answer
  if (!Array.isArray(results) || results.length !== texts)
    throw new AppError('upstream-malformed', 'The upstream’s moderation is not one result for each text')
  return results.map(toOpinion)
}

function toOpinion(result: unknown): Opinion {
  if (!isObject(result) || typeof result.flagged !== 'boolean')
    throw new AppError('upstream-malformed', 'The upstream’s moderation has a result that says nothing')
  const categories = isObject(result.categories) ? result.categories : {}
  const scores = isObject(result.category_scores) ? result.category_scores : {}
  return {
    flagged: result.flagged,
    categories: Object.keys(categories).filter((name) => categories[name] === true),
    scores: Object.fromEntries(
      Object.entries(scores).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    ),
  }
}

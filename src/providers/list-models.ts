import { AppError } from '#errors/index.ts'
import { type HttpRequest, readText, sendHttp } from './http.ts'
import { isObject, type JsonObject, parseJson, parseUpstreamJson } from './json.ts'
import type { ProviderIo } from './spec.ts'

/** Pages of a model list that are read at most. */
const pageLimit = 20

export interface ModelPage {
  names: string[]
  /** URL of the page behind this one. */
  next?: string | undefined
}

/** Reads a list of models page by page. Throws AppError. */
export async function readModelPages(
  request: Omit<HttpRequest, 'method' | 'firstMs' | 'body'>,
  io: ProviderIo,
  readPage: (body: JsonObject, text: string) => ModelPage,
): Promise<string[]> {
  const names: string[] = []
  let url: string | undefined = request.url
  for (let page = 0; url !== undefined && page < pageLimit; page++) {
    const answer = await sendHttp({ ...request, url, method: 'GET', firstMs: io.timeouts.wholeMs }, io)
    const text = await readText(answer)
    const list = parseJson(text)
    // Together’s list is nothing but the list.
    const read = readPage(Array.isArray(list) ? { data: list } : parseUpstreamJson(text), text)
    names.push(...read.names)
    url = read.next
  }
  return names
}

/** The named field of every object in a list. Throws `upstream-malformed` when it is no list. */
export function namesIn(list: unknown, field: string): string[] {
  if (!Array.isArray(list)) throw new AppError('upstream-malformed', 'The upstream’s list of models is not a list')
  return list.flatMap((model: unknown) => {
    const name = isObject(model) ? model[field] : undefined
    return typeof name === 'string' ? [name] : []
  })
}

import { bad } from './bad.ts'

/** OLLAMA_HOST is written `host`, `host:port` or as a URL; its OpenAI-compatible API lies under /v1. */
export function ollamaUrl(host: string): string {
  const base = plainUrl(host.includes('://') ? host : `http://${host}`)
  if (!base) throw bad('OLLAMA_HOST', 'a host, host:port or http:// or https:// URL')
  if (base.port === '' && !host.includes('://')) base.port = '11434'
  return `${base.toString().replace(/\/+$/, '')}/v1`
}

export function readUrl(value: string, name: string): string {
  const url = plainUrl(value)
  if (!url) throw bad(name, 'an http:// or https:// URL without user, query or fragment')
  return url.toString().replace(/\/+$/, '')
}

/** Paths are put behind it: a query would swallow them, and a user would be left out. */
function plainUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  const isPlain = url && /^https?:$/.test(url.protocol) && !/[?#]/.test(text) && url.username + url.password === ''
  return isPlain ? url : undefined
}

/** As browsers write them: an origin is compared letter by letter. */
export function readOrigins(value: string): string[] {
  const given = value.split(',').map((one) => one.trim())
  return given.filter(Boolean).map((one) => {
    if (one === '*') return one
    const url = URL.parse(one)
    // Other schemes than http have no `origin` here, and pages nevertheless: those of apps.
    const origin = url && `${url.protocol}//${url.host}`
    if (!url?.host || url.host.includes('*') || (url.href !== origin && url.href !== `${origin}/`))
      throw bad('PARLEY_CORS_ORIGINS', 'origins such as "https://chat.example", separated by commas, or *')
    return origin!
  })
}

import type { Upstream } from './upstream.ts'

/** Good all-round models, in the order in which one is taken when an upstream lists several. */
const preferred = [
  'gpt-4.1-mini',
  'gpt-4.1',
  'gpt-4o-mini',
  'gpt-4o',
  'gpt-5-mini',
  'gpt-5',
  'claude-sonnet-4-5',
  'claude-haiku-4-5',
  'claude-sonnet-4',
  'claude-3-7-sonnet',
  'claude-3-5-haiku',
  'gemini-2.5-flash',
  'gemini-2.0-flash',
  'llama3.3',
  'llama3.1',
  'llama3.2',
  'qwen3',
  'qwen2.5',
  'gemma3',
  'mistral',
]

const notForChat =
  /embed|whisper|tts|audio|transcri|speech|realtime|image|imagen|dall-e|diffusion|flux|veo|sora|lyria|moderation|guard|rerank|bge-|minilm|colbert|ocr|aqa|davinci|babbage|turbo-instruct|computer-use|deep-research/i

/** What to ask an upstream for while its list is not known. */
const unlistedDefault: Record<string, string> = {
  'https://api.openai.com/v1': 'gpt-4.1-mini',
  'https://api.anthropic.com/v1': 'claude-sonnet-4-5',
  'https://generativelanguage.googleapis.com/v1beta': 'gemini-2.5-flash',
}

/**
 * The model that `auto` means: of the first upstream by priority that is not builtin and has one, preferring upstreams
 * that may be called now. Undefined when there is none.
 */
export function chooseDefault(ranked: readonly Upstream[]): string | undefined {
  let fallback: string | undefined
  for (const upstream of ranked) {
    const model = upstream.kind === 'builtin' ? undefined : defaultOf(upstream)
    if (model === undefined) continue
    if (upstream.breaker.waitMs() === 0) return model
    fallback ??= model
  }
  return fallback
}

const chosen = new WeakMap<Upstream, string | undefined>()

function defaultOf(upstream: Upstream): string | undefined {
  if (!chosen.has(upstream)) chosen.set(upstream, pick(upstream))
  return chosen.get(upstream)
}

function pick(upstream: Upstream): string | undefined {
  const names = [...new Set([...upstream.models, ...upstream.modelMap.keys()])]
  if (upstream.models.length === 0 && names.length === 0) return unlistedDefault[upstream.endpoint.url]
  for (const wanted of preferred) {
    const found = names.find((name) => name === wanted) ?? names.find((name) => isVersionOf(name, wanted))
    if (found !== undefined) return found
  }
  return names.find((name) => !notForChat.test(name))
}

/** `gpt-4o-2024-11-20` and `llama3.2:3b` are versions; `gpt-4o-audio-preview` is another model. */
function isVersionOf(name: string, wanted: string): boolean {
  return name.startsWith(wanted) && /^(-\d[\d-]*|:.+|-latest)$/.test(name.slice(wanted.length))
}

/** How servers that speak the protocol differ, decided by host and never by model name. */
export interface Dialect {
  /** OpenAI's reasoning models refuse `max_tokens`; most other servers know nothing else. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** Where `top_k` is an unknown field it is refused. */
  topK: boolean
  /** Servers that refuse a tool conversation without the reasoning that led to the calls. */
  sendsReasoning: boolean
  /** Gemini behind this protocol wants its thought signatures back. */
  toolSignatures: boolean
  /** Azure takes a key in a header of its own, and only tokens as Bearer. */
  keyHeader: 'authorization' | 'api-key'
}

const known = new Map<string, Dialect>()

/** Decided once for an endpoint: every call asks. */
export function dialectOf(endpointUrl: string): Dialect {
  let dialect = known.get(endpointUrl)
  if (!dialect) {
    dialect = decide(endpointUrl)
    if (known.size >= 1_000) known.clear()
    known.set(endpointUrl, dialect)
  }
  return dialect
}

function decide(endpointUrl: string): Dialect {
  const host = URL.canParse(endpointUrl) ? new URL(endpointUrl).hostname : ''
  const azure = isOf(host, 'openai.azure.com') || isOf(host, 'services.ai.azure.com')
  const openai = isOf(host, 'api.openai.com')
  return {
    maxTokensField: openai || azure ? 'max_completion_tokens' : 'max_tokens',
    topK: !openai && !azure,
    sendsReasoning: isOf(host, 'api.deepseek.com') || isOf(host, 'api.moonshot.ai') || isOf(host, 'api.moonshot.cn'),
    toolSignatures: isOf(host, 'generativelanguage.googleapis.com'),
    keyHeader: azure ? 'api-key' : 'authorization',
  }
}

function isOf(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

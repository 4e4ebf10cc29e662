/** What this provider says in words of its own. Everything else in its answers is quoted. */

const opening = 'No language model is configured for this chat'

export const quotedLead = `${opening}, so this is not a written answer. These passages match your question best:`

/** The answer when nothing can be quoted. `searched` says how many texts were looked through. */
export function nothingToQuote(searched: number): string {
  const found =
    searched === 0
      ? `${opening}, so I cannot answer in words of my own, and there is no text here that I could quote from.`
      : `${opening}, so I cannot answer in words of my own, and I found no passage that matches your question in the ${
          searched === 1 ? 'text' : `${searched} texts`
        } I can see here.`
  return `${found}

What I can do: quote the passages that match a question, with their sources, from attached text files, pasted text and this conversation.

To get written answers, add a model: set \`OPENAI_API_KEY\`, \`ANTHROPIC_API_KEY\`, \`GEMINI_API_KEY\` or \`OLLAMA_HOST\` on the server and restart it.`
}

export const leftOutNote = 'There was too much text to search: part of it was left out.'

export function unreadNote(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(inline).join(', ')
  return `Not searched, because I cannot read text in it: ${shown}${names.length > 5 ? ', …' : ''}`
}

/** A foreign name on one line, unable to become Markdown. */
export function inline(name: string): string {
  const line = name.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  const short = Array.from(line.slice(0, 400)).slice(0, 120).join('')
  return short.replace(/[\\`*<>[\]]/g, '\\$&') || 'untitled'
}

/** Whether an answer of the conversation was given by this provider. */
export function isOwnAnswer(text: string): boolean {
  return text.startsWith(opening)
}

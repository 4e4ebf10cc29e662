import { randomInt } from 'node:crypto'
import { invalid } from '#errors/index.ts'
import { isUuid } from '#lib/uuid.ts'

const shape = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const mostLength = 64
const suffixAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

// Letters that Unicode does not take apart into a Latin letter and a mark.
const latin: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ŧ: 't',
}

/** Whether it may stand in a URL in the place of an app's id: never mistaken for one. */
export function isSlug(text: string): boolean {
  return text.length <= mostLength && shape.test(text) && !isUuid(text)
}

export function checkSlug(slug: string): string {
  if (!isSlug(slug))
    throw invalid(
      'slug',
      `'slug' must be lower-case letters, digits and single hyphens, at most ${mostLength} characters`,
    )
  return slug
}

/** A slug that tells the name, as far as Latin letters can; undefined when nothing of the name is left. */
export function slugOf(name: string): string | undefined {
  const words = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]/g, (letter) => latin[letter] ?? '-')
  // One pass over split parts: no pattern here can backtrack.
  const slug = words
    .split('-')
    .filter(Boolean)
    .join('-')
    .slice(0, mostLength - 9)
    .replace(/-$/, '')
  return isSlug(slug) ? slug : undefined
}

/** For a name that gives no slug of its own, or one that is taken. */
export function withSuffix(slug = 'app'): string {
  const suffix = Array.from({ length: 8 }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join('')
  return `${slug}-${suffix}`
}

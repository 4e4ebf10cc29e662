/**
 * Proofs of reasoning are only good for the upstream that made them; another refuses the whole request over one. So each
 * provider marks its own, and takes back only those, when a conversation goes on with another model.
 */
export function markSignature(kind: string, signature: string): string {
  return `${kind}:${signature}`
}

/** The upstream's own text of a signature that this provider marked; undefined for every other. */
export function ownSignature(kind: string, signature: string | undefined): string | undefined {
  return signature?.startsWith(`${kind}:`) ? signature.slice(kind.length + 1) : undefined
}

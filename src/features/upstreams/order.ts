import type { Offer } from './catalog.ts'

/**
 * The order in which offers are tried: lower priority numbers first; among equals a weighted draw without putting back,
 * so that one of weight 3 comes before one of weight 1 three times out of four. `offers` is left as it is.
 */
export function inOrder(offers: readonly Offer[], random: () => number): readonly Offer[] {
  if (offers.length < 2) return offers
  return offers
    .map((offer) => ({ offer, draw: -Math.log(1 - random()) / offer.upstream.weight }))
    .sort((a, b) => a.offer.upstream.priority - b.offer.upstream.priority || a.draw - b.draw)
    .map(({ offer }) => offer)
}

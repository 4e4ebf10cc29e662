import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'

/** What ends every flush of a deflate stream, and is left out of a message (RFC 7692 §7.2.1). */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** The payload of a compressed message. */
export function deflated(data: string | Uint8Array, windowBits = 15): Buffer {
  const whole = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, windowBits })
  return whole.subarray(0, -tail.length)
}

/** What a message inflates to that leans on none before it. Throws for anything else, and for a window larger than agreed. */
export function inflated(payload: Uint8Array, windowBits = 15): Buffer {
  const finishFlush = constants.Z_SYNC_FLUSH
  // With a larger chunk zlib would look back into what it has just written instead of into its window.
  return inflateRawSync(Buffer.concat([payload, tail]), { finishFlush, windowBits, chunkSize: 64 })
}

/** A payload that inflates to this many MiB of spaces, a thousand times its size. */
export function deflateBomb(mebibytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(1024 * 1024, 0x20), { finishFlush: constants.Z_FULL_FLUSH })
  return Buffer.concat([...Array.from({ length: mebibytes }, () => block), deflated('')])
}

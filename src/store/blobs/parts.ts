/** Chunks of any size → buffers of exactly `bytes`, and one of the rest. Holds at most one of them. */
export async function* inParts(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer, undefined> {
  let held: Uint8Array[] = []
  let length = 0
  for await (let chunk of source) {
    while (length + chunk.length >= bytes) {
      held.push(chunk.subarray(0, bytes - length))
      chunk = chunk.subarray(bytes - length)
      yield Buffer.concat(held)
      held = []
      length = 0
    }
    // Copied: the source may use its buffer again.
    if (chunk.length > 0) held.push(Uint8Array.from(chunk))
    length += chunk.length
  }
  if (length > 0) yield Buffer.concat(held)
}

const composite = 0xffff
const hasInstructions = 0x100
const moreComponents = 0x20
const wordArguments = 0x01
const hasScale = 0x08
const hasTwoScales = 0x40
const hasMatrix = 0x80
const onCurve = 0x01

interface Cursor {
  bytes: Buffer
  at: number
}

/** The transformed `glyf` table of WOFF2 (its §5.1) → `glyf`, `loca` with long offsets, and the left edge of each glyph. */
export function glyphTables(source: Buffer): { glyf: Buffer; loca: Buffer; xMins: Int16Array } {
  const optionFlags = source.readUInt16BE(2)
  const count = source.readUInt16BE(4)
  let at = 36
  const streams = [8, 12, 16, 20, 24, 28, 32].map((field) => {
    const length = source.readUInt32BE(field)
    at += length
    return { bytes: source.subarray(at - length, at), at: 0 }
  })
  const [contours, points, flags, triplets, composites, boxes, instructions] = streams as [
    Cursor,
    Cursor,
    Cursor,
    Cursor,
    Cursor,
    Cursor,
    Cursor,
  ]
  const hasBox = bitmap(boxes.bytes)
  boxes.at = 4 * ((count + 31) >> 5)
  const overlaps = optionFlags & 1 ? bitmap(source.subarray(at)) : () => false

  const loca = Buffer.alloc((count + 1) * 4)
  const xMins = new Int16Array(count)
  const out = writer(source.length * 4)
  // Used again by every glyph: fonts have tens of thousands of them.
  let pointFlags = new Uint8Array(1024)
  let steps = new Int16Array(2048)
  let dx = 0
  let dy = 0
  for (let glyph = 0; glyph < count; glyph++) {
    loca.writeUInt32BE(out.length(), glyph * 4)
    const contourCount = uint16(contours)
    if (contourCount === 0) continue
    const start = out.length()
    if (contourCount === composite) compositeGlyph()
    else simpleGlyph(contourCount, hasBox(glyph), overlaps(glyph))
    xMins[glyph] = out.int16At(start + 2)
    out.pad(4)
  }
  loca.writeUInt32BE(out.length(), count * 4)
  return { glyf: out.done(), loca, xMins }

  function compositeGlyph(): void {
    out.uint16(composite)
    out.copy(boxes, 8)
    const start = composites.at
    let componentFlags: number
    let instructed = false
    do {
      componentFlags = uint16(composites)
      instructed ||= (componentFlags & hasInstructions) !== 0
      composites.at += 2 + (componentFlags & wordArguments ? 4 : 2)
      if (componentFlags & hasScale) composites.at += 2
      else if (componentFlags & hasTwoScales) composites.at += 4
      else if (componentFlags & hasMatrix) composites.at += 8
    } while (componentFlags & moreComponents)
    const length = composites.at - start
    composites.at = start
    out.copy(composites, length)
    if (instructed) copyInstructions()
  }

  function simpleGlyph(contourCount: number, boxed: boolean, overlapping: boolean): void {
    const ends: number[] = []
    let total = 0
    for (let contour = 0; contour < contourCount; contour++) {
      total += uint255(points)
      ends.push(total - 1)
    }
    if (total > pointFlags.length) {
      pointFlags = new Uint8Array(total * 2)
      steps = new Int16Array(total * 4)
    }
    let x = 0
    let y = 0
    let [xMin, yMin, xMax, yMax] = [32767, 32767, -32768, -32768]
    for (let point = 0; point < total; point++) {
      const flag = flags.bytes[flags.at++]!
      readTriplet(flag & 0x7f)
      x += dx
      y += dy
      steps[point] = dx
      steps[total + point] = dy
      pointFlags[point] = flag & 0x80 ? 0 : onCurve
      if (x < xMin) xMin = x
      if (x > xMax) xMax = x
      if (y < yMin) yMin = y
      if (y > yMax) yMax = y
    }
    if (overlapping) pointFlags[0]! |= 0x40
    out.uint16(contourCount)
    if (boxed) out.copy(boxes, 8)
    else for (const edge of [xMin, yMin, xMax, yMax]) out.uint16(edge)
    for (const end of ends) out.uint16(end)
    copyInstructions()
    // Neither short vectors nor repeats: the font is cut down and packed again before anybody stores it.
    out.bytes(pointFlags, total)
    out.int16s(steps, total * 2)
  }

  function copyInstructions(): void {
    const length = uint255(triplets)
    out.uint16(length)
    out.copy(instructions, length)
  }

  /** Sets the step to the next point, from as many bytes as `index` says. */
  function readTriplet(index: number): void {
    const { bytes, at } = triplets
    const first = bytes[at]!
    const second = bytes[at + 1]!
    if (index < 10) {
      dx = 0
      dy = ((index & 14) << 7) + first
      triplets.at = at + 1
    } else if (index < 20) {
      dx = (((index - 10) & 14) << 7) + first
      dy = 0
      triplets.at = at + 1
    } else if (index < 84) {
      const high = index - 20
      dx = 1 + (high & 0x30) + (first >> 4)
      dy = 1 + ((high & 0x0c) << 2) + (first & 0x0f)
      triplets.at = at + 1
    } else if (index < 120) {
      const high = index - 84
      dx = 1 + (Math.floor(high / 12) << 8) + first
      dy = 1 + (((high % 12) >> 2) << 8) + second
      triplets.at = at + 2
    } else if (index < 124) {
      dx = (first << 4) + (second >> 4)
      dy = ((second & 0x0f) << 8) + bytes[at + 2]!
      triplets.at = at + 3
    } else {
      dx = (first << 8) + second
      dy = (bytes[at + 2]! << 8) + bytes[at + 3]!
      triplets.at = at + 4
    }
    // The lowest bits are the signs; where only one of the two moves, the lowest is the sign of that.
    if (index < 10) dy = index & 1 ? dy : -dy
    else {
      dx = index & 1 ? dx : -dx
      dy = index & 2 ? dy : -dy
    }
  }
}

function bitmap(bytes: Buffer): (index: number) => boolean {
  return (index) => (bytes[index >> 3]! & (0x80 >> (index & 7))) !== 0
}

function uint16(cursor: Cursor): number {
  cursor.at += 2
  return cursor.bytes.readUInt16BE(cursor.at - 2)
}

/** A number of one to three bytes. */
function uint255(cursor: Cursor): number {
  const code = cursor.bytes[cursor.at++]!
  if (code === 253) return uint16(cursor)
  if (code === 254) return cursor.bytes[cursor.at++]! + 506
  if (code === 255) return cursor.bytes[cursor.at++]! + 253
  return code
}

function writer(guess: number) {
  // Memory that is not written to is not used.
  let bytes = Buffer.allocUnsafeSlow(guess)
  let used = 0
  const room = (more: number) => {
    if (used + more <= bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, used + more))
    bytes.copy(larger, 0, 0, used)
    bytes = larger
  }
  return {
    length: () => used,
    int16At: (at: number) => bytes.readInt16BE(at),
    uint16(value: number) {
      room(2)
      bytes[used++] = value >> 8
      bytes[used++] = value
    },
    bytes(values: Uint8Array, count: number) {
      room(count)
      bytes.set(values.subarray(0, count), used)
      used += count
    },
    int16s(values: Int16Array, count: number) {
      room(count * 2)
      for (let at = 0; at < count; at++) {
        const value = values[at]!
        bytes[used++] = value >> 8
        bytes[used++] = value
      }
    },
    copy(cursor: Cursor, length: number) {
      room(length)
      cursor.bytes.copy(bytes, used, cursor.at, cursor.at + length)
      cursor.at += length
      used += length
    },
    pad(to: number) {
      room(to)
      while (used % to !== 0) bytes[used++] = 0
    },
    done: () => bytes.subarray(0, used),
  }
}

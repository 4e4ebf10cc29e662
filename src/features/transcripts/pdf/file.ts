import { deflateSync } from 'node:zlib'
import { reference } from './values.ts'

export type PdfFile = ReturnType<typeof pdfFile>

/** What is written of a PDF so far is handed over in pieces; only where each object begins is remembered. */
export function pdfFile() {
  const offsets: number[] = []
  let written = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  // The second line says to whoever asks that the file is binary.
  put(Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1'))

  function put(bytes: Buffer): void {
    pending.push(bytes)
    pendingBytes += bytes.length
    written += bytes.length
  }

  /** A number for an object that others may refer to before it is written. */
  function reserve(): number {
    offsets.push(0)
    return offsets.length
  }

  function write(id: number, body: string): void {
    offsets[id - 1] = written
    put(Buffer.from(`${id} 0 obj\n${body}\nendobj\n`, 'latin1'))
  }

  function add(body: string): number {
    const id = reserve()
    write(id, body)
    return id
  }

  /** `dictionary`: entries besides length and filter. */
  function writeStream(id: number, dictionary: string, data: Buffer | string): void {
    const packed = deflateSync(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, { level: 3 })
    offsets[id - 1] = written
    put(Buffer.from(`${id} 0 obj\n<<${dictionary}/Filter/FlateDecode/Length ${packed.length}>>\nstream\n`, 'latin1'))
    put(packed)
    put(Buffer.from('\nendstream\nendobj\n', 'latin1'))
  }

  function addStream(dictionary: string, data: Buffer | string): number {
    const id = reserve()
    writeStream(id, dictionary, data)
    return id
  }

  /** Every reserved object must have been written. */
  function finish(root: number, info: number): void {
    const start = written
    put(Buffer.from(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n`, 'latin1'))
    for (let at = 0; at < offsets.length; at += 4096) {
      const rows = offsets.slice(at, at + 4096).map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`)
      put(Buffer.from(rows.join(''), 'latin1'))
    }
    const trailer = `<</Size ${offsets.length + 1}/Root ${reference(root)}/Info ${reference(info)}>>`
    put(Buffer.from(`trailer\n${trailer}\nstartxref\n${start}\n%%EOF\n`, 'latin1'))
  }

  /** What was written since the last time. */
  function take(): Buffer {
    const taken = Buffer.concat(pending)
    pending = []
    pendingBytes = 0
    return taken
  }

  return { reserve, write, add, writeStream, addStream, finish, take, pendingBytes: () => pendingBytes }
}

/** What can go wrong between two HTTP programs, besides what the network itself says. */
export type HttpFaultCode =
  /** The other side closed the connection before its answer was over. */
  | 'CLOSED'
  /** The answer is no HTTP/1.1, or breaks its rules. */
  | 'MALFORMED'
  /** The request cannot be written down: a header that is none. */
  | 'UNSENDABLE'

export class HttpFault extends Error {
  readonly code: HttpFaultCode

  constructor(code: HttpFaultCode, message: string) {
    super(message)
    this.name = 'HttpFault'
    this.code = code
  }
}

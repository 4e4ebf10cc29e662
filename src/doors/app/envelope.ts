/** The application API's success shape (CONTRACTS §1.2). */
export interface Envelope<T> {
  data: T
  status: 'success'
  code: number
  message: string
}

export function ok<T>(data: T, message = 'OK', code = 200): Envelope<T> {
  return { data, status: 'success', code, message }
}

/** The application API's error shape: `data` is always there and null. */
export function failure(code: number, message: string): { data: null; status: 'error'; code: number; message: string } {
  return { data: null, status: 'error', code, message }
}

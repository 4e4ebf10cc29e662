import type { AppError } from '#errors/index.ts'

/** Kadal's words for what went wrong, by HTTP status (CONTRACTS §4.8). */
const names: Record<number, string> = {
  400: 'VALIDATION_ERROR',
  401: 'AUTHENTICATION_ERROR',
  403: 'PERMISSION_ERROR',
  404: 'NOT_FOUND_ERROR',
  409: 'CONFLICT_ERROR',
  413: 'PAYLOAD_TOO_LARGE_ERROR',
  429: 'RATE_LIMIT_ERROR',
  499: 'CANCELLED_ERROR',
  500: 'INTERNAL_SERVER_ERROR',
  502: 'UPSTREAM_ERROR',
  503: 'SERVICE_UNAVAILABLE_ERROR',
  504: 'UPSTREAM_ERROR',
}

/** Kadal's error body; the HTTP status is its `status_code`. */
export function kadalError(
  error: Pick<AppError, 'code' | 'status' | 'message'>,
  requestId: string,
): { status_code: number; message: string; error: string } {
  return {
    status_code: error.status,
    message: error.code === 'internal' ? `Internal server error. Request ID: ${requestId}` : error.message,
    error: names[error.status] ?? 'INTERNAL_SERVER_ERROR',
  }
}

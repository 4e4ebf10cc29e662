/** One error class, one code table. Rooms throw AppError; doors own the outer shape. */
export { AppError, type ErrorDetails, type ErrorInfo, errorInfo, invalid, toAppError } from './app-error.ts'
export { type ErrorCode, errorCodes } from './codes.ts'

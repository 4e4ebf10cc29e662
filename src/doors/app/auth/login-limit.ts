/** Counts an attempt to get in, by who tries; throws `rate-limited` when there were too many. */
export type LoginLimit = (key: string) => void

export interface UsageTables {
  usage_hourly: UsageHourlyTable
}

export interface UsageHourlyTable {
  workspace_id: number
  user_id: number
  /** 0: no app. */
  app_id: number
  model: string
  upstream: string
  /** Unix ms of the hour's start. */
  hour: number
  turns: number
  failed: number
  input_tokens: number
  output_tokens: number
  cached_input_tokens: number
  reasoning_tokens: number
  cost_micros: number
}

/** Usage as people read it, out of the hourly sums that subscribers/usage-rollup keeps. Settling it is turns' affair. */
export { type Usage, type UsageReport, type UsageSum, usage } from './usage.ts'

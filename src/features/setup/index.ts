/** Makes an empty database usable at the first start. Everything it writes is made by the rooms that own it. */
export { type FirstStart, firstStart, type OwnerSettings, type SetupDeps } from './first-start.ts'

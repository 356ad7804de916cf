export * from './line-formats.ts'
export type { LoggedDecision } from './logged-decision.ts'
export { PARQUET_ROWS_MAX, toParquet } from './parquet.ts'

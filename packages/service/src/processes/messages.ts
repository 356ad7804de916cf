import type { Registry } from 'prom-client'

/** The metrics of one process, as they are at one moment. */
export type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** What a worker tells its supervisor. */
export type ToSupervisor =
  | { readonly kind: 'started' }
  /** Somebody asked this worker for the metrics of all. */
  | { readonly kind: 'metrics_asked' }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }

/** What a supervisor tells a worker. */
export type ToWorker =
  | { readonly kind: 'snapshot_asked' }
  | { readonly kind: 'metrics'; readonly text: string }

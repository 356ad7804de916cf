import type { Environment } from '@verdict/toolchain'
import type { SteadyLoad } from './load.ts'
import type { Looking } from './looking.ts'
import type { Need } from './needs.ts'
import type { Random } from './random.ts'
import type { ClusterShape, TortureCluster } from './torture-cluster.ts'
import type { Trial } from './trial.ts'

/** What a scenario has at hand. */
export interface Torture {
  readonly cluster: TortureCluster
  readonly load: SteadyLoad
  /** Sees every checkpoint that is shown meanwhile. */
  readonly looking: Looking
  readonly random: Random
  /** Aborted by Ctrl-C: every wait ends by it. */
  readonly stop: AbortSignal
}

interface Described {
  readonly name: string
  /** One sentence: what is done, and what must hold. */
  readonly summary: string
  /** What the machine must have for it; where it lacks, the report says so. */
  readonly needs?: readonly Need[]
}

/** One kind of fault. To add one, write a file with it and name it in `scenarios.ts`. */
export interface Scenario extends Described {
  readonly cluster?: ClusterShape
  /**
   * One fault, and as much recovery as the next one needs. What must hold while the fault lasts is
   * told by throwing. Whatever it leaves stopped is started again at the end.
   */
  cycle(torture: Torture): Promise<void>
  /**
   * Done after the log was judged, on a cluster that nobody needs any more; what it throws is a
   * problem of the report.
   */
  afterwards?(torture: Omit<Torture, 'load' | 'looking'>): Promise<void>
}

/** Faults of programs on their own: there is no cluster, and nobody asks for decisions. */
export interface LoneScenario extends Described {
  /** One fault after the other, each judged; whoever has enough of them asks for no more. */
  trials(torture: {
    /** A folder of its own. */
    readonly dir: string
    readonly env: Environment
    readonly random: Random
    readonly stop: AbortSignal
  }): AsyncIterable<Trial>
}

export type AnyScenario = Scenario | LoneScenario

import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Environment, REPOSITORY_ROOT } from '@verdict/toolchain'
import { LogReader } from './log-reader.ts'
import type { Ended } from './run-to-end.ts'
import {
  type FileCalls,
  type Injection,
  runInjected,
  runPlain,
  type TracedProgram,
  traceCalls,
} from './syscalls.ts'
import { compared, type Trial } from './trial.ts'

/** What a program said, by the first word of its lines. */
type Said = (word: 'tried' | 'acknowledged' | 'refused' | 'stored' | 'line') => string[]

/** Looks at a folder from outside, and at what the programs say. */
interface Judge {
  /** Notes what is shown between two runs. */
  look(): Promise<void>
  /** What was kept in the end, and what is wrong with it. */
  kept(first: Said, last: Said): Promise<{ names: readonly string[]; problems: readonly string[] }>
}

interface Kind {
  readonly name: string
  readonly program: string
  judge(dir: string): Judge
}

/** What a call that fails is no reason to say: it sends people to look at what is not the matter. */
const UNTRUE =
  /^(locked|corrupt|data_dir_in_use|damage_unmended|log_(damaged|older|key_\w+)|lock_\w+):/

const KINDS: readonly Kind[] = [
  {
    name: 'journal',
    program: 'packages/journal/test/one-append.ts',
    judge: () => ({
      look: async () => undefined,
      // What is stored elsewhere may be gone from the journal.
      kept: async (first, last) => {
        const there = last('line')
        const stored = [...first('stored'), ...last('stored')]
        const gone = new Set(stored.filter((note) => !there.includes(note)))
        return { names: [...there, ...gone], problems: [] }
      },
    }),
  },
  {
    name: 'log',
    program: 'services/audit/test/one-message.ts',
    judge: (dir) => {
      const reader = new LogReader(dir)
      return {
        look: () => reader.look(),
        kept: async () => {
          await reader.update()
          const { journals, contradictions } = reader
          const { broken, decisions, duplicated, missing } = journals
          const gaps = missing === 0 ? [] : [`${missing} places of journals are missing`]
          const problems = [...broken, ...duplicated, ...contradictions, ...gaps]
          return { names: [...decisions.keys()], problems }
        },
      }
    },
  },
]

export interface SubjectPlace {
  readonly dir: string
  readonly env: Environment
  readonly stop: AbortSignal
}

/** A program of which each system call can fail, in a folder that is the same before each run. */
export class SyscallSubject {
  readonly calls: FileCalls
  readonly #kind: Kind
  readonly #place: SubjectPlace
  /** What the run said that made the folder. */
  readonly #before: Said

  private constructor(kind: Kind, place: SubjectPlace, parts: { calls: FileCalls; before: Said }) {
    this.#kind = kind
    this.#place = place
    this.calls = parts.calls
    this.#before = parts.before
  }

  /** The journal and the log, each in its folder. @throws {CliError} `torture_failed` */
  static async prepareAll({ dir, ...place }: SubjectPlace): Promise<SyscallSubject[]> {
    const subjects: SyscallSubject[] = []
    // They are started by the hundred.
    const env = { ...place.env, NODE_COMPILE_CACHE: path.join(dir, 'compiled') }
    for (const kind of KINDS) {
      const own = { ...place, env, dir: path.join(dir, kind.name) }
      const before = said(await runPlain(programOf(kind, own, 'before')))
      await cp(own.dir, templateOf(own), { recursive: true })
      const calls = await traceCalls(programOf(kind, own, 'during'), own.dir)
      subjects.push(new SyscallSubject(kind, own, { calls, before }))
    }
    return subjects
  }

  /**
   * Runs it with a fault, then without, and holds what is there against what was said; undefined
   * where the call was not made this time.
   */
  async inject(injection: Injection): Promise<Trial | undefined> {
    const { call, nth, fault } = injection
    const what = `${this.#kind.name}, ${fault} at ${call} ${nth}`
    const { dir } = this.#place
    await rm(dir, { recursive: true, force: true })
    await cp(templateOf(this.#place), dir, { recursive: true })
    const judge = this.#kind.judge(dir)
    await judge.look()
    const program = programOf(this.#kind, this.#place, 'during')
    const injected = await runInjected(program, this.calls, injection)
    if (!injected.isInjected) return undefined
    await judge.look()
    const plain = await runPlain(programOf(this.#kind, this.#place, 'after'))
    const [during, after] = [said(injected), said(plain)]
    const all: Said = (word) => [this.#before, during, after].flatMap((run) => run(word))
    const first: Said = (word) => [...this.#before(word), ...during(word)]
    const { names, problems } = await judge.kept(first, after)
    return {
      ...compared(what, { tried: all('tried'), acknowledged: all('acknowledged'), kept: names }),
      refused: all('refused').length,
      problems: [...problemsOf(injected, plain), ...problems].map((each) => `${what}: ${each}`),
    }
  }
}

/** A fault may end a program, but not without a word; and afterwards it has to work. */
function problemsOf(injected: Ended, plain: Ended): string[] {
  const problems: string[] = []
  const { code, output, timedOut } = injected
  if (timedOut) problems.push('it hangs')
  const isSilent = code !== null && code !== 0 && said(injected)('refused').length === 0
  if (isSilent) problems.push(`it ends without saying why: ${output.trim()}`)
  const untrue = said(injected)('refused').filter((why) => UNTRUE.test(why))
  problems.push(...untrue.map((why) => `it says what is not so: ${why}`))
  if (plain.code !== 0) problems.push(`the next start fails: ${plain.output.trim()}`)
  return problems
}

function said({ output }: Ended): Said {
  const lines = output.split('\n')
  return (word) => {
    const own = lines.filter((line) => line.startsWith(`${word} `))
    return own.map((line) => line.slice(word.length + 1))
  }
}

function programOf(kind: Kind, { dir, env, stop }: SubjectPlace, run: string): TracedProgram {
  return { file: path.join(REPOSITORY_ROOT, kind.program), args: [dir, run], env, stop }
}

function templateOf({ dir }: SubjectPlace): string {
  return `${dir}.template`
}

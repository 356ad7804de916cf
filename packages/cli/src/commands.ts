import type { Command } from './command.ts'
import { check } from './commands/check.ts'
import { dev } from './commands/dev.ts'
import { doctor } from './commands/doctor.ts'
import { keys } from './commands/keys.ts'
import { provisionStream } from './commands/provision.ts'
import { tail } from './commands/tail.ts'
import { runTests } from './commands/test.ts'

/** Every command of `verdict`, in the order of its help. */
export const COMMANDS: readonly Command[] = [
  dev,
  check,
  tail,
  doctor,
  keys,
  provisionStream,
  runTests,
]

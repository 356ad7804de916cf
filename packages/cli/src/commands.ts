import type { Command, CommandGroup } from './command.ts'
import { audit } from './commands/audit.ts'
import { check } from './commands/check.ts'
import { dev } from './commands/dev.ts'
import { doctor } from './commands/doctor.ts'
import { explain } from './commands/explain.ts'
import { keys } from './commands/keys.ts'
import { policy } from './commands/policy.ts'
import { provisionStream } from './commands/provision.ts'
import { subscriber } from './commands/subscriber.ts'
import { tail } from './commands/tail.ts'
import { runTests } from './commands/test.ts'
import { torture } from './commands/torture.ts'
import { witness } from './commands/witness.ts'

/** Every command of `verdict`, in the order of its help. */
export const COMMANDS: readonly (Command | CommandGroup)[] = [
  dev,
  check,
  explain,
  tail,
  doctor,
  policy,
  audit,
  witness,
  subscriber,
  keys,
  provisionStream,
  torture,
  runTests,
]

import { run } from '@verdict/service'
import { authn } from './service.ts'

if (import.meta.main) await run(authn)

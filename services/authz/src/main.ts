import { run } from '@verdict/service'
import { authz } from './service.ts'

if (import.meta.main) await run(authz)

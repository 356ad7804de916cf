import { run } from '@verdict/service'
import { audit } from './service.ts'

if (import.meta.main) await run(audit)

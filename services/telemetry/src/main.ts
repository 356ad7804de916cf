import { run } from '@verdict/service'
import { telemetry } from './service.ts'

if (import.meta.main) await run(telemetry)

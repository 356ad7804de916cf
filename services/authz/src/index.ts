export { type AuthzConfig, settings } from './config.ts'
export { authz } from './service.ts'

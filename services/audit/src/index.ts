export { type AuditConfig, settings } from './config.ts'
export * from './errors.ts'
export { audit } from './service.ts'

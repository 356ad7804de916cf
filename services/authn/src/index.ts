export { authn } from './service.ts'

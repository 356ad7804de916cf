import type { FastifyInstance } from '@verdict/service'
import type { Instances } from '../liveness/instances.ts'

/** `GET /v1/instances`: the instances of all services that were heard lately. */
export function addListInstances(http: FastifyInstance, instances: Instances): void {
  http.get('/v1/instances', async () => ({ instances: instances.list() }))
}

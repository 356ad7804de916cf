import type { FastifyInstance } from '@verdict/service'
import { openApiDocument } from '../openapi/document.ts'
import { describe, type RoutedOperation } from '../openapi/operation.ts'

const operation = {
  summary: 'This description, as OpenAPI 3.1',
  answers: { 200: { description: 'the document', schema: { type: 'object' } } },
}

/** `GET /v1/openapi.json`: what all routes of the service read and answer. */
export function addGetOpenApi(http: FastifyInstance, routes: readonly RoutedOperation[]): void {
  let document: unknown
  http.get('/v1/openapi.json', describe(operation), async () => {
    document ??= openApiDocument(routes)
    return document
  })
}

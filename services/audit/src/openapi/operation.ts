import type { FastifyInstance } from '@verdict/service'
import type { Parameters } from '../routes/parameters.ts'
import type { Schema } from './schema.ts'

/** What a route answers under one status. */
export interface Answer {
  readonly description: string
  /** Default: `application/json`. */
  readonly type?: string
  readonly schema?: Schema
}

/** One route, as its readers need it. Its parameters are the ones that it reads the request by. */
export interface Operation {
  readonly summary: string
  readonly description?: string
  readonly path?: Parameters
  readonly query?: Parameters
  readonly headers?: Parameters
  /** Of the JSON body; absent where none is read. */
  readonly body?: Schema
  /** Beside those that every route may give: 400, 401, 403, 503. */
  readonly answers: Readonly<Record<number, Answer>>
}

/** A route that the service has; without an operation where nothing is said of it. */
export interface RoutedOperation {
  readonly method: string
  /** As routes are written here: `/v1/decisions/:id`. */
  readonly url: string
  readonly operation?: Operation
}

/** The options of a route that is described. */
export function describe(operation: Operation): { config: object } {
  return { config: { operation } }
}

/** Every route that is added from now on, in a list that grows with them. */
export function collectOperations(http: FastifyInstance): readonly RoutedOperation[] {
  const routes: RoutedOperation[] = []
  http.addHook('onRoute', ({ config, method, url }) => {
    const { operation } = (config ?? {}) as { operation?: Operation }
    for (const name of [method].flat()) {
      // Each GET has a HEAD beside it, of which there is nothing else to say.
      if (name === 'HEAD') continue
      routes.push({ method: name, url, ...(operation && { operation }) })
    }
  })
  return routes
}

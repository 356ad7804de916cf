import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** Where the protos of Envoy are, with those that they import. */
const PROTOS = join(
  dirname(fileURLToPath(import.meta.resolve('@grpc/grpc-js-xds/package.json'))),
  'deps',
)
const INCLUDE = ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((part) =>
  join(PROTOS, part),
)

/** The part of a CheckResponse that tests look at. */
export interface CheckResponse {
  readonly status: { readonly code?: number; readonly message: string }
  readonly dynamic_metadata: { readonly fields: Record<string, { stringValue?: string }> } | null
  readonly denied_response?: {
    readonly status: { readonly code: string }
    readonly body: string
  }
}

/** A client of `envoy.service.auth.v3.Authorization`, on the grpc-js library. */
export class CheckClient implements Disposable {
  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes its clients at run time
  readonly #client: any

  constructor(port: number) {
    const definition = loadSync('envoy/service/auth/v3/external_auth.proto', {
      includeDirs: INCLUDE,
      keepCase: true,
      longs: String,
      enums: String,
      oneofs: true,
    })
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const root = loadPackageDefinition(definition) as any
    const Authorization = root.envoy.service.auth.v3.Authorization
    this.#client = new Authorization(`127.0.0.1:${port}`, credentials.createInsecure())
  }

  /** One Check; rejects with the ServiceError of a failed call. */
  async check(attributes: object, deadlineMs = 2_000): Promise<CheckResponse> {
    return await new Promise((resolve, reject) => {
      this.#client.Check(
        { attributes },
        { deadline: Date.now() + deadlineMs },
        (error: ServiceError | null, response: CheckResponse) => {
          if (error) reject(error)
          else resolve(response)
        },
      )
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

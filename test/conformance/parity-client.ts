import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const PROTOS = join(
  dirname(fileURLToPath(import.meta.resolve('@grpc/grpc-js-xds/package.json'))),
  'deps',
)
const DEADLINE_MS = 10_000

/** An answer as the fixture writes it: by the names of the protobuf, without what is default. */
export type Answer =
  | { readonly error: number; readonly details: string }
  | {
      readonly status?: object
      readonly denied_response: { readonly status?: object; readonly body?: string }
    }
  | { readonly status?: object; readonly ok_response?: object }

/** Asks as grpc-js asks, and writes the answer as the fixture does. */
export class ParityClient implements Disposable {
  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes its clients at run time
  readonly #client: any

  constructor(port: number) {
    const definition = loadSync('envoy/service/auth/v3/external_auth.proto', {
      includeDirs: ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((part) =>
        join(PROTOS, part),
      ),
      keepCase: true,
      longs: String,
      enums: String,
    })
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const root = loadPackageDefinition(definition) as any
    const { Authorization } = root.envoy.service.auth.v3
    this.#client = new Authorization(`127.0.0.1:${port}`, credentials.createInsecure())
  }

  async check(request: object): Promise<Answer> {
    return await new Promise((resolve) => {
      this.#client.Check(
        request,
        { deadline: Date.now() + DEADLINE_MS },
        (error: ServiceError | null, response: object) => {
          if (error) resolve({ error: error.code, details: error.details })
          else resolve(writeAnswer(response))
        },
      )
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

/** As plain JSON; the id of a decision is any id. */
function writeAnswer(response: object): Answer {
  const answer = JSON.parse(JSON.stringify(response))
  const fields = answer.dynamic_metadata?.fields
  if (/^[0-9a-f-]{36}$/.test(fields?.decision_id?.stringValue)) {
    fields.decision_id = { stringValue: '<any>' }
  }
  return answer
}

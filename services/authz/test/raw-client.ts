import { Client, credentials } from '@grpc/grpc-js'

const DEADLINE_MS = 5_000
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** One call with any bytes as its message; rejects with the ServiceError of a failed one. */
export async function unary(
  port: number,
  message: Buffer,
  method = '/envoy.service.auth.v3.Authorization/Check',
): Promise<Buffer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const asItIs = (bytes: Buffer): Buffer => bytes
  const deadline = Date.now() + DEADLINE_MS
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(method, asItIs, asItIs, message, { deadline }, (error, answer) =>
        error ? reject(error) : resolve(answer ?? Buffer.alloc(0)),
      )
    })
  } finally {
    client.close()
  }
}

/** What `grpc.health.v1.Health/Check` says of a server; by default of all its services. */
export async function healthOf(port: number, service = ''): Promise<string> {
  const name = Buffer.from(service)
  // One field each: the name of the service, the status.
  const request = name.length === 0 ? name : Buffer.from([0x0a, name.length, ...name])
  const answer = await unary(port, request, '/grpc.health.v1.Health/Check')
  return STATUSES[answer[1] ?? 0] ?? ''
}

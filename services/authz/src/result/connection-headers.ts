/**
 * How a message ends and who keeps its connection: the request or response would be cut, or read
 * as two. In a denial Envoy and Node write their own.
 */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

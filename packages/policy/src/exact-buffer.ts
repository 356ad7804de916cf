/** A buffer that holds the bytes and nothing else, for those that read all of it. */
export function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return buffer
  return new Uint8Array(bytes).buffer
}

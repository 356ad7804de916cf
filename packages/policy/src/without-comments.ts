import { NotReadable, type Token, tokensOf } from './rule-index/tokens.ts'
import type { SourceFile } from './sources.ts'

const REGO = /\.rego$/
const MAY_READ_METADATA = /\bmetadata\b/

/**
 * The sources without their comments: `opa build` takes time by the square of them, which is more
 * than a minute for 10,000 rules that each have one. Lines stay where they are. Nothing changes
 * where a rule reads the metadata of rules, and in files that are not understood.
 */
export function withoutComments(files: readonly SourceFile[]): readonly SourceFile[] {
  const changed = new Map<string, Uint8Array>()
  for (const { path, bytes } of files) {
    if (!REGO.test(path)) continue
    const source = readSource(bytes)
    if (source === undefined) {
      if (MAY_READ_METADATA.test(Buffer.from(bytes).toString('latin1'))) return files
      continue
    }
    const { text, tokens } = source
    if (tokens.some(readsMetadata)) return files
    const comments = tokens.filter(({ kind }) => kind === 'comment')
    if (comments.length > 0) changed.set(path, Buffer.from(without(text, comments)))
  }
  if (changed.size === 0) return files
  return files.map((file) => ({ ...file, bytes: changed.get(file.path) ?? file.bytes }))
}

interface Source {
  readonly text: string
  readonly tokens: readonly Token[]
}

function readSource(bytes: Uint8Array): Source | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { text, tokens: tokensOf(text) }
  } catch (error) {
    if (!(error instanceof NotReadable || error instanceof TypeError)) throw error
    return undefined
  }
}

/** `rego.metadata.rule()`, whatever the name before it. */
function readsMetadata({ kind, text }: Token): boolean {
  return kind === 'word' && text === 'metadata'
}

function without(text: string, comments: readonly Token[]): string {
  let kept = ''
  let from = 0
  for (const { start, text: own } of comments) {
    kept += text.slice(from, start)
    from = start + own.length
  }
  return kept + text.slice(from)
}

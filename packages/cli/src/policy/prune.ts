import { listBundles, listPointers, removeBundle, type StoredBundle } from '@verdict/bus'
import { defineCommand, ExitCode } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { busOptions, withBus } from './bus.ts'
import { pointerClaims } from './pointer-claims.ts'

const KEEP_DEFAULT = 10
const KEEP_MAX = 10_000

export const prunePolicies = defineCommand({
  name: 'policy prune',
  summary: 'remove stored bundles that are not in force',
  description: `
Removes bundles from NATS that no pointer names, and keeps the newest of them. A bundle that was
removed can be pushed again from its file.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    keep: {
      kind: 'integer',
      value: 'N',
      min: 0,
      max: KEEP_MAX,
      default: KEEP_DEFAULT,
      help: 'how many stay that are not in force',
    },
    ...busOptions,
  },
  examples: ['verdict policy prune --keep 3'],
  async run(values, _positionals, { terminal, env }) {
    await withBus({ values, env }, 'policy-publisher', async (nc) => {
      const stored = await listBundles(nc)
      const inForce = new Set([...(await listPointers(nc))].map(digestOf))
      const others = stored.filter(({ digest }) => !inForce.has(digest))
      const removed = others.slice(0, Math.max(0, others.length - values.keep))
      for (const { digest } of removed) await removeBundle(nc, digest)
      const bytes = removed.reduce((sum: number, { size }: StoredBundle) => sum + size, 0)
      const kept = `${stored.length - removed.length} kept`
      terminal.line(`${removed.length} removed, ${bytes.toLocaleString('en')} bytes; ${kept}`)
    })
    return ExitCode.ok
  },
})

/** What can't be read could name any of them. */
function digestOf([name, jws]: [name: string, jws: string]): string {
  const digest = pointerClaims(jws)?.digest
  if (digest !== undefined) return digest
  const message = `the pointer \`${name}\` can't be read, so nothing is removed: push it anew`
  throw new CliError(CliErrorCode.badFile, message)
}

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  type EmbeddedServer,
  type NatsServerOptions,
  publicKeys,
  type ServerExit,
  serverConfig,
} from '@verdict/bus'
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { temporaryDirectory } from './temporary-directory.ts'

/** The server closes its store in order within this time, or is ended by force. */
const STOP_TIMEOUT_S = 10
const IMAGE = 'verdict-test/nats-server'
const DOCKERFILE = 'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n'

/**
 * What `startNatsServer` of @verdict/bus does, in a container. The image is built here, from
 * nothing but the server's static binary, so that no registry of images is needed; the store is
 * on the host, so that a server started later on the same folder goes on with it.
 */
export async function startNatsContainer(options: NatsServerOptions): Promise<EmbeddedServer> {
  const { binary, dir, port, keysDir } = options
  // The clean-up container of testcontainers comes from a registry, too: we end what we start.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  mkdirSync(dir, { recursive: true })
  const keys = await publicKeys(keysDir)
  const config = serverConfig({ port, host: '0.0.0.0', storeDir: '/store', keys, syncAlways: true })
  const image = await buildImage(binary)
  const container = await image
    .withExposedPorts({ container: port, host: port })
    .withBindMounts([{ source: dir, target: '/store' }])
    .withCopyContentToContainer([{ content: config, target: '/nats-server.conf' }])
    .withCommand(['-c', '/nats-server.conf'])
    .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
    .start()
  const client = await getContainerRuntimeClient()
  const handle = client.container.getById(container.getId())
  const { State } = await handle.inspect()
  const exited = handle.wait().then(async ({ StatusCode }): Promise<ServerExit> => {
    // A server that a test killed leaves its container behind.
    await handle.remove({ force: true }).catch(() => undefined)
    return { code: StatusCode, signal: null }
  })
  const url = `nats://127.0.0.1:${port}`
  return {
    pid: State.Pid,
    port,
    url,
    exited,
    async stop() {
      await handle.stop({ t: STOP_TIMEOUT_S })
      await exited
    },
  }
}

async function buildImage(binary: string): Promise<GenericContainer> {
  await using context = temporaryDirectory()
  copyFileSync(binary, path.join(context.path, 'nats-server'))
  writeFileSync(path.join(context.path, 'Dockerfile'), DOCKERFILE)
  return await GenericContainer.fromDockerfile(context.path).build(IMAGE, { deleteOnExit: false })
}

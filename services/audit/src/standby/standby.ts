import { messageOf } from '@verdict/contract'
import { createHttp, type ServiceContext } from '@verdict/service'
import type { AuditConfig } from '../config.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { TAKE_OVER_SIGNAL, TakeOverOrders } from './take-over-orders.ts'

/** How often a service that stands by looks whether the writer has ended. */
const LOOK_MS = 500

type StandbyContext = Pick<
  ServiceContext<AuditConfig>,
  'config' | 'health' | 'log' | 'metrics' | 'stopping'
>

/**
 * Opens what one process alone may have open. With `VERDICT_AUDIT_STANDBY=on` it waits until the
 * process that has it has ended, whatever ended it: the kernel lets go of its locks. From one that
 * hangs nobody takes over by itself. It may go on in the middle of any call to the disk, which
 * nothing can take back; so an operator has to say that it may be done, and should end it first.
 * @param open as `data_dir_in_use` where another process has it
 * @returns undefined where the service is stopped before
 * @throws what `open` throws besides
 */
export async function openOrStandBy<T>(
  context: StandbyContext,
  open: (takeOver: boolean) => Promise<T>,
): Promise<T | undefined> {
  if (context.config.standby === 'off') return await open(false)
  using orders = new TakeOverOrders()
  let standby: AsyncDisposable | undefined
  try {
    for (let takeOver = false; !context.stopping.aborted; ) {
      const opened = await openUnlessInUse(context, open, takeOver)
      if (opened !== undefined) {
        if (standby) context.log.info({ event: 'took_over' }, 'this is the writer now')
        return opened.it
      }
      standby ??= await serveStandby(context)
      takeOver = await orders.next(LOOK_MS, context.stopping)
    }
    return undefined
  } finally {
    await standby?.[Symbol.asyncDispose]()
  }
}

async function openUnlessInUse<T>(
  { log }: StandbyContext,
  open: (takeOver: boolean) => Promise<T>,
  takeOver: boolean,
): Promise<{ it: T } | undefined> {
  if (takeOver) log.warn({ event: 'taking_over' }, 'taking over, as an operator has ordered')
  try {
    return { it: await open(takeOver) }
  } catch (error) {
    const isInUse = error instanceof AuditError && error.code === AuditErrorCode.dataDirInUse
    if (!isInUse) throw error
    if (takeOver) log.error({ event: 'take_over_failed', err: error }, messageOf(error))
    return undefined
  }
}

/** Health and metrics while another process is the service. */
async function serveStandby(context: StandbyContext): Promise<AsyncDisposable> {
  const { config, health, log } = context
  const pid = process.pid
  log.info(
    { event: 'standing_by', pid },
    `standing by until the writer ends; if it hangs, end it, or order with ${TAKE_OVER_SIGNAL} to ${pid}`,
  )
  let isOver = false
  const detail = (): string => (isOver ? 'took over' : 'standing by: another service writes')
  health.check('standby', () => ({ ok: isOver, detail: detail() }))
  const http = createHttp(context)
  await http.listen({ host: config.host, port: config.httpPort })
  return {
    async [Symbol.asyncDispose]() {
      http.server.closeAllConnections()
      await http.close()
      isOver = true
    },
  }
}

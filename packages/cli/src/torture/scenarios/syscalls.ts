import type { LoneScenario } from '../scenario.ts'
import { SyscallSubject } from '../syscall-subject.ts'
import { injectionsOf } from '../syscalls.ts'

export const syscalls: LoneScenario = {
  name: 'syscalls',
  summary: 'EIO, ENOSPC and SIGKILL at each system call of an append to the journal and the log.',
  needs: ['strace'],
  async *trials({ random, ...place }) {
    const subjects = await SyscallSubject.prepareAll(place)
    const all = subjects.flatMap((subject) =>
      injectionsOf(subject.calls).map((injection) => ({ subject, injection })),
    )
    for (const { subject, injection } of random.shuffled(all)) {
      const trial = await subject.inject(injection)
      if (trial !== undefined) yield trial
    }
  },
}

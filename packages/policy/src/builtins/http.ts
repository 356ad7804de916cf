import { FetchFailure, type LookupQuestion } from '../fetch/question.ts'
import { httpQuestionOf } from '../fetch/request.ts'
import { objectOf } from '../value/compare.ts'
import type { RegoObject, Value } from '../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from './builtin.ts'
import { objectOperand, stringOf } from './operands.ts'

/** What asks other services: in the evaluations of policies that may. */
export const fetchBuiltins: Builtins = {
  'http.send': (evaluation, operand) => {
    const object = objectOperand(operand)
    const raises = object.get('raise_error') ?? true
    if (typeof raises !== 'boolean') throw new BuiltinError('raise_error must be a boolean')
    try {
      return sent(evaluation, object)
    } catch (thrown) {
      if (!(thrown instanceof FetchFailure)) throw thrown
      if (raises) throw new BuiltinError(thrown.message, { cause: thrown })
      const { code, message } = thrown
      const error = objectOf([
        ['code', code],
        ['message', message],
      ])
      return objectOf([
        ['status_code', 0],
        ['error', error],
      ])
    }
  },
  'net.lookup_ip_addr': (evaluation, name) => {
    const hostname = stringOf(name)
    const key = `net.lookup_ip_addr ${hostname}`
    const question: LookupQuestion = { kind: 'lookup', key, isSafe: true, hostname }
    const answer = evaluation.ask(question)
    if ('failure' in answer) throw new BuiltinError(answer.failure.message)
    return answer.value
  },
}

/** What it costs to make a request of its operand, beside reading its text, in units. */
const UNITS_PER_REQUEST = 5_000

function sent(evaluation: Evaluation, object: RegoObject): Value {
  const question = httpQuestionOf(object)
  evaluation.spend(question.key.length + UNITS_PER_REQUEST)
  const answer = evaluation.ask(question)
  if ('failure' in answer) throw answer.failure
  evaluation.spend(answer.bytes)
  return answer.value
}

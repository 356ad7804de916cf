/** The order in which go-yaml writes keys: letters by code, numbers in them by value. */
export function compareYamlKeys(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  const length = Math.min(left.length, right.length)
  let at = 0
  while (at < length && left[at] === right[at]) at++
  if (at === length) return left.length - right.length
  const [x, y] = [left[at] ?? '', right[at] ?? '']
  const [isLeft, isRight] = [isLetter(x), isLetter(y)]
  if (isLeft && isRight) return codeOf(x) - codeOf(y)
  const followsDigit = at > 0 && isDigit(left[at - 1] ?? '')
  if (isLeft || isRight) return (followsDigit ? isLeft : isRight) ? -1 : 1
  return compareNumbers(left, right, at) || codeOf(x) - codeOf(y)
}

/** By the numbers that begin, or go on, at a place. */
function compareNumbers(left: readonly string[], right: readonly string[], at: number): number {
  // Behind a digit that counts, a zero counts too.
  const isInside = (left[at] === '0' || right[at] === '0') && hasDigitBefore(left, at)
  const [a, b] = [numberAt(left, at, isInside), numberAt(right, at, isInside)]
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.end - b.end
}

function hasDigitBefore(text: readonly string[], at: number): boolean {
  for (let before = at - 1; before >= 0 && isDigit(text[before] ?? ''); before--) {
    if (text[before] !== '0') return true
  }
  return false
}

function numberAt(
  text: readonly string[],
  at: number,
  isInside: boolean,
): { value: bigint; end: number } {
  let value = isInside ? 1n : 0n
  let end = at
  for (; end < text.length && isDigit(text[end] ?? ''); end++) {
    value = BigInt.asIntN(64, value * 10n + BigInt(codeOf(text[end] ?? '') - 48))
  }
  return { value, end }
}

function isLetter(character: string): boolean {
  return /^\p{L}$/u.test(character)
}

function isDigit(character: string): boolean {
  return /^\p{Nd}$/u.test(character)
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

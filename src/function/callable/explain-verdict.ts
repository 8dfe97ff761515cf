import { formatCount, formatDifference, formatSetting, formatValue } from '../../report/format-numbers.js'
import { unravelIndex } from '../../tensor.js'
import type { PointTensor } from './bind-point.js'
import type { Derivative } from './derivative.js'
import type { EntryJudgement, OpenReason, TensorOfEntries } from './judge-entries.js'
import type { Noise } from './noise.js'
import { describeFormat } from './number-format.js'

/** `W[1, 2]`, `gradient[3]`, `db` of a single number. */
export function nameEntry({ gradient, shape }: PointTensor, k: number): string {
  return shape.length === 0 ? gradient : `${gradient}[${unravelIndex(k, shape).join(', ')}]`
}

/** How exact the function's values are, where that is less than float64 gives; nothing else. */
export function describeNoise({ bound, format, source }: Noise): string | undefined {
  const size = `an error of up to ${formatDifference(bound)}`
  if (source === 'declared') return `the function's values are declared to have ${size}`
  if (format.kind === 'float64') return undefined
  return `the function has ${describeFormat(format)}: its values have ${size}`
}

/** Why entries are left open, a sentence for each reason. */
export function explainOpen(
  tensors: readonly PointTensor[],
  judged: readonly TensorOfEntries[],
  noise: Noise,
  isStepGiven: boolean,
): string[] {
  const sentences: Readonly<
    Record<OpenReason, (names: string, entry: EntryJudgement, isOne: boolean) => string>
  > = {
    hidden: (names, { numerical, error }, isOne) =>
      `${names} cannot be judged: the error of the numerical gradient could hide a mistake ${isOne ? 'in it' : 'in them'} (${formatValue(numerical)} ± ${formatDifference(error)}); ${adviseOnNoise(noise, isStepGiven)}`,
    unsettled: (names, _, isOne) =>
      `${names} cannot be judged: the differences settle at no step; the function is not smooth around the point, or has no values there. Take another point for ${isOne ? 'it' : 'them'}`,
    between: (names, _, isOne) =>
      `${names} ${isOne ? 'lies' : 'lie'} between the slopes to both sides of a kink and ${isOne ? 'is' : 'are'} none of them, nor their mean: take a point beside the kink`,
  }
  const all = judged.flatMap(({ entries }, t) =>
    entries.map((entry, k) => ({ entry, name: nameEntry(tensors[t], k) })),
  )
  return (Object.keys(sentences) as OpenReason[]).flatMap((reason) => {
    const open = all.filter(({ entry }) => entry.reason === reason)
    if (open.length === 0) return []
    const isOne = open.length === 1
    const names = isOne ? open[0].name : `${formatCount(open.length)} entries (${open[0].name}, …)`
    return [sentences[reason](names, open[0].entry, isOne)]
  })
}

function adviseOnNoise({ format }: Noise, isStepGiven: boolean): string {
  if (isStepGiven) return 'leave the step out, so that the best one is chosen'
  if (format.kind === 'float64')
    return 'take a point where the gradient is larger, or a function with less rounding'
  return `the function has ${describeFormat(format)}: compute it in float64, or take a point where the gradient is larger`
}

/** Names the kinks that entries sit on, or beside. */
export function explainKinks(
  tensors: readonly PointTensor[],
  derivatives: readonly Pick<Derivative, 'oneSided' | 'kinkWithin'>[],
): string[] {
  const all = tensors.flatMap((tensor) =>
    Array.from({ length: tensor.size }, (_, k) => ({
      name: nameEntry(tensor, k),
      ...derivatives[tensor.start + k],
    })),
  )
  const [on, beside] = [
    all.filter(({ oneSided }) => oneSided !== undefined),
    all.filter(({ kinkWithin }) => kinkWithin !== undefined),
  ]
  const notices: string[] = []
  if (on.length > 0) {
    const [{ name, oneSided }] = on
    const [left, right] = [oneSided!.left, oneSided!.right].map((slope) =>
      formatSetting(Number(slope.toPrecision(6))),
    )
    const slopes = `slope ${left} to the left, ${right} to the right`
    const where =
      on.length === 1
        ? `${name} is on a kink of the function (${slopes})`
        : `${formatCount(on.length)} entries are on kinks of the function (${name}: ${slopes})`
    notices.push(`${where}: both one-sided slopes and their mean are right`)
  }
  if (beside.length > 0) {
    const [{ name, kinkWithin }] = beside
    const within = `no farther than ${formatDifference(kinkWithin!)}`
    const where =
      beside.length === 1
        ? `${name} is beside a kink of the function, ${within}`
        : `${formatCount(beside.length)} entries are beside kinks of the function (${name}: ${within})`
    notices.push(`${where}: smaller steps were taken, and the slope of the point's own side is right`)
  }
  return notices
}

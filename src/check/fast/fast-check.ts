import type { TensorSelection } from '../../differentiate/evaluator.js'
import { selectSample } from '../../differentiate/selection.js'
import { workPerColumn } from '../../differentiate/work.js'
import type { Model } from '../../network/model.js'
import { type Location, localise } from './localise.js'
import { DIRECTIONS, isSmall, planGroups } from './plan.js'
import { type Probed, Prober, type ProbeSetting } from './prober.js'

/** Parameters that are evaluated one by one in any case, to cross-validate what they are evaluated with. */
const SAMPLE = 64
/** Multiply-adds that they may take. */
const SAMPLE_WORK = 2e9

/** What the directions within one tensor show. */
export interface TensorProbes {
  /** One for each group of rows; none of a small tensor, whose entries are all looked at. */
  readonly groups: readonly Probed[]
  /** Where it is wrong, if it looks wrong and the check was not interrupted. */
  readonly location: Location | undefined
}

/** What directional checks of all tensors show. */
export interface FastFindings {
  /** In the order of the model's parameters; fewer where the check was interrupted. */
  readonly tensors: readonly TensorProbes[]
  /** Entries to look at one by one: those that look wrong, and a sample of the others. */
  readonly selection: readonly TensorSelection[]
  readonly perturbations: number
  readonly interrupted: boolean
}

/**
 * Checks every tensor but the small ones by random directions within groups of its rows, then searches what disagrees:
 * rows first, then columns, down to the entries that are worth looking at one by one. Takes a few dozen forward passes for a right
 * gradient, however many parameters there are.
 */
export async function checkDirections(
  setting: ProbeSetting & { readonly onProgress: (parameters: number, round?: number) => void },
): Promise<FastFindings> {
  const { model, settings, seed, onProgress } = setting
  const prober = new Prober(setting)
  const tensors: TensorProbes[] = []
  let covered = 0
  let rounds = 0
  for (const [t, parameter] of model.parameters.entries()) {
    if (isSmall(model, parameter, settings)) {
      covered += parameter.size
      tensors.push({ groups: [], location: undefined })
      onProgress(covered)
      continue
    }
    const regions = planGroups(model, parameter, settings)
    const groups = await prober.probe(t, regions, DIRECTIONS, 'groups', (share) =>
      onProgress(covered + Math.floor(share * parameter.size)),
    )
    if (groups === undefined) break
    covered += parameter.size
    const isSuspicious = groups.some(({ excess }) => excess > 1)
    const onRound = () => onProgress(covered, ++rounds)
    const location = isSuspicious ? await localise(model, prober, t, groups, settings, onRound) : undefined
    tensors.push({ groups, location })
  }
  const interrupted = setting.hooks.signal?.aborted === true
  const sample = selectSample(model, sampleCount(model), seed)
  return {
    tensors,
    selection: sample.map(({ parameter, entries }, t) => ({
      parameter,
      entries: isSmall(model, parameter, settings)
        ? Uint32Array.from({ length: parameter.size }, (_, entry) => entry)
        : union(entries, tensors[t]?.location?.entries),
    })),
    perturbations: prober.perturbations,
    interrupted,
  }
}

function sampleCount(model: Model): number {
  const most = Math.max(...model.layers.map((_, l) => workPerColumn(model, l)))
  return Math.max(1, Math.min(SAMPLE, Math.floor(SAMPLE_WORK / (2 * model.samples * most))))
}

/** Both lists' elements, each once, ascending. */
function union(a: Uint32Array, b: Uint32Array | undefined): Uint32Array {
  return Uint32Array.from(new Set([...a, ...(b ?? [])])).sort()
}

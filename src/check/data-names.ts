import { GradcheckError } from '../errors.js'
import type { NamedTensor } from '../network/bind.js'
import { setting } from '../settings.js'
import { suggestName } from '../suggest.js'
import type { NamedTensors } from '../tensor.js'

const MOST_LISTED = 12

/** The names that data is looked for under. */
interface DataNames {
  /** As the documentation calls it, the first that is there. */
  readonly documented: readonly string[]
  /** Other names in use, letters and digits in lower case; of several lists the first that has one. */
  readonly usual: readonly (readonly string[])[]
}

/** What is found by its own name; sample weights only where they are named. */
export type DataName = 'inputs' | 'targets' | 'sampleWeights'

const DATA_NAMES: Readonly<Record<DataName, DataNames>> = {
  inputs: {
    documented: ['X'],
    usual: [
      ['x'],
      ['xtrain', 'trainx', 'xbatch', 'batchx', 'xb', 'xdata', 'xs', 'trainsetx', 'trainsetxflatten'],
      [
        'inputs',
        'input',
        'features',
        'traindata',
        'traininputs',
        'trainfeatures',
        'images',
        'trainimages',
        'a0',
      ],
      ['data'],
    ],
  },
  targets: {
    documented: ['Y', 'y'],
    usual: [
      ['y'],
      ['ytrain', 'trainy', 'ybatch', 'batchy', 'yb', 'ydata', 'ys', 'ytrue', 'yonehot', 'trainsety'],
      ['targets', 'target', 'labels', 'label', 'trainlabels', 'traintargets', 'onehot', 'groundtruth'],
      ['t'],
    ],
  },
  sampleWeights: { documented: [], usual: [] },
}

/**
 * The array that holds the inputs or the targets: the one that was named, else by its usual names.
 * @param named by the user
 * @throws GradcheckError `missing-array`; `bad-usage` where several may be meant
 */
export function findData(arrays: NamedTensors, which: DataName, named: string | undefined): NamedTensor {
  const { documented, usual } = DATA_NAMES[which]
  for (const name of named === undefined ? documented : [named]) {
    const tensor = arrays.get(name)
    if (tensor !== undefined) return { name, tensor }
  }
  if (named === undefined) {
    for (const names of usual) {
      const found = [...arrays].filter(([name]) => names.includes(toKey(name)))
      if (found.length > 1)
        throw ambiguousData(
          which,
          found.map(([name]) => name),
        )
      if (found.length === 1) return { name: found[0][0], tensor: found[0][1] }
    }
  }
  throw missingData(which, named === undefined ? documented : [named], [...arrays.keys()])
}

/** `X` of `data.X`, `train_x` without its underscore. */
const toKey = (name: string) =>
  name
    .split(/[./:]/)
    .at(-1)!
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')

function ambiguousData(which: DataName, [first, second]: readonly string[]): GradcheckError {
  return new GradcheckError('bad-usage', `${first} and ${second} may both be the ${inWords(which)}`, {
    fix: `say which they are by ${setting(which, first)}`,
  })
}

function missingData(which: DataName, names: readonly string[], present: readonly string[]): GradcheckError {
  const listed = present.slice(0, MOST_LISTED).join(', ') + (present.length > MOST_LISTED ? ', …' : '')
  // X_test, y_val
  const like = present.find(
    (name) => new RegExp(`^${names[0]}(?![a-z0-9])`, 'i').test(name) && name !== names[0],
  )
  const suggestion = like === undefined ? suggestName(names[0], present) : `; did you mean "${like}"?`
  return new GradcheckError(
    'missing-array',
    `there is no array ${names.join(' or ')} for the ${inWords(which)}${suggestion} (arrays: ${listed || 'none'})`,
    {
      fix: `say how it is called by ${setting(which, like ?? 'NAME')}, or give the file that holds it as well`,
    },
  )
}

const inWords = (which: DataName) => which.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

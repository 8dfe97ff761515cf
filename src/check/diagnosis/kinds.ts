/** The mistakes that a diagnosis can name; each has its page in docs/mistakes. */
export const MISTAKE_KINDS = [
  'scaled',
  'rescaled',
  'clipped',
  'sign-flipped',
  'offset',
  'zero',
  'not-averaged',
  'averaged-twice',
  'transposed',
  'reordered',
  'elements',
  'rows',
  'columns',
  'swapped',
  'shifted',
  'regularisation-missing',
  'regularisation-wrong',
  'regularisation-on-bias',
  'activation-derivative-missing',
  'activation-derivative-wrong',
  'weights-not-transposed',
  'kernel-flipped',
  'operation-derivative-wrong',
  'loss-derivative-wrong',
  'previous-activation-wrong',
  'sample-dropped',
  'bias-summed-wrong',
  'gradient-of-another-layer',
  'reduction-wrong',
  'path-left-out',
  'path-scaled',
  'not-accumulated',
  'other-value',
  'other-network',
  'other-parameters',
  'other-samples',
  'unexplained',
] as const

export type MistakeKind = (typeof MISTAKE_KINDS)[number]

/** Kinds that say where a tensor is wrong and not how: another explanation is always better. */
export const LOCAL_KINDS: ReadonlySet<MistakeKind> = new Set(['elements', 'rows', 'columns', 'unexplained'])

/** Each kind as a noun, to go on a sentence. */
const KIND_NOUNS: Readonly<Record<MistakeKind, string>> = {
  scaled: 'a constant factor',
  rescaled: 'one constant factor over all gradients, such as a learning rate or clipping by norm',
  clipped: 'a clipped gradient',
  'sign-flipped': 'a wrong sign',
  offset: 'the same number added everywhere',
  zero: 'a gradient left at zero',
  'not-averaged': 'a missing 1/m',
  'averaged-twice': 'a second 1/m',
  transposed: 'a transpose',
  reordered: 'values in another order',
  elements: 'single wrong entries',
  rows: 'wrong rows',
  columns: 'wrong columns',
  swapped: "two gradients in each other's place",
  shifted: 'an index that is off by one',
  'regularisation-missing': 'a missing penalty',
  'regularisation-wrong': 'a penalty with the wrong coefficient',
  'regularisation-on-bias': 'a penalty on the biases',
  'activation-derivative-missing': 'a missing derivative of an activation',
  'activation-derivative-wrong': 'a wrong derivative of an activation',
  'weights-not-transposed': 'weights that are not transposed',
  'kernel-flipped': 'a kernel turned the wrong way round',
  'operation-derivative-wrong': 'a wrong derivative of an operation',
  'loss-derivative-wrong': 'a wrong derivative of the loss',
  'previous-activation-wrong': 'the wrong input of a layer',
  'sample-dropped': 'a sample left out',
  'bias-summed-wrong': 'a bias summed over the wrong axis',
  'gradient-of-another-layer': 'something of another layer',
  'reduction-wrong': 'another reduction over the samples',
  'path-left-out': 'a way back that is left out',
  'path-scaled': 'a factor on one way back',
  'not-accumulated': 'a gradient that is overwritten where it is to be added up',
  'other-value': 'another value in the place of the right one',
  'other-network': 'another network than the one declared',
  'other-parameters': 'parameters of another step of training',
  'other-samples': 'other samples',
  unexplained: 'a mistake without a name',
}

/** A kind in words and by name: "a missing 1/m (not-averaged)". */
export const describeKind = (kind: MistakeKind) => `${KIND_NOUNS[kind]} (${kind})`

/** The page on a kind, relative to the package. */
export const pageOf = (kind: MistakeKind) => `docs/mistakes/${kind}.md`

/** The mistakes that a diagnosis can name; each has its page in docs/mistakes. */
export const MISTAKE_KINDS = [
  'scaled',
  'sign-flipped',
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
  'loss-derivative-wrong',
  'previous-activation-wrong',
  'sample-dropped',
  'bias-summed-wrong',
  'gradient-of-another-layer',
  'reduction-wrong',
  'unexplained',
] as const

export type MistakeKind = (typeof MISTAKE_KINDS)[number]

/** Kinds that say where a tensor is wrong and not how: another explanation is always better. */
export const LOCAL_KINDS: ReadonlySet<MistakeKind> = new Set(['elements', 'rows', 'columns', 'unexplained'])

/** The page on a kind, relative to the package. */
export const pageOf = (kind: MistakeKind) => `docs/mistakes/${kind}.md`

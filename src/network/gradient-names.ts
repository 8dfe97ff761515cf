import { capture, NAME } from './name-patterns.js'

/** What stands before a parameter's name to name its gradient: dW1, dL_dW1, nabla_w. */
const PREFIXES: readonly string[] = [
  'd',
  'd_',
  ...['L', 'J', 'E', 'C', 'l', 'loss', 'cost', 'Loss', 'Cost'].flatMap((loss) => [
    `d${loss}_d`,
    `d${loss}d`,
    `d${loss}/d`,
  ]),
  'g',
  'g_',
  'nabla_',
  '∂',
  '∇',
]
/** Words for gradients, as a part of a name or for the folder that they lie in. */
const WORDS: readonly string[] = [
  'grad',
  'grads',
  'gradient',
  'gradients',
  'Grad',
  'Grads',
  'Gradient',
  'Gradients',
]
const SEPARATORS: readonly string[] = ['.', '_', '/', '-', ':']

/** A prefix as a pattern: `d{name}`. */
const LETTERS: readonly string[] = PREFIXES.map((prefix) => prefix + NAME)
/** `grad.{name}`, as PyTorch's gradients are saved, comes before its likes. */
const FOLDERS: readonly string[] = WORDS.flatMap((word) =>
  SEPARATORS.map((separator) => word + separator + NAME),
)
const ENDINGS: readonly string[] = WORDS.flatMap((word) =>
  ['', ...SEPARATORS].map((separator) => NAME + separator + word),
)
const GLUED: readonly string[] = WORDS.map((word) => word + NAME)

/** How the name of a gradient is made of its parameter's, the most usual first. */
export const GRADIENT_PATTERNS: readonly string[] = [...LETTERS, ...FOLDERS, ...ENDINGS, ...GLUED]

/** Where a word of a name may begin. */
const BOUNDARY = /(?:^|[./_:\- ])(?=.)/g

/**
 * The names that an array might have whose gradient bears this name: a mark of gradients is taken out where a word
 * begins, and folders for gradients are left out. Whether there is such an array is for the caller to see.
 */
export function gradientBases(name: string): string[] {
  const bases = new Set<string>()
  for (const { index, 0: separator } of name.matchAll(BOUNDARY)) {
    const at = index + separator.length
    const [before, rest] = [name.slice(0, at), name.slice(at)]
    for (const pattern of GRADIENT_PATTERNS) {
      const inner = capture(rest, pattern, NAME)
      if (inner === undefined) continue
      bases.add(before + inner)
      // grads.dW1
      if (!FOLDERS.includes(pattern)) continue
      for (const letters of LETTERS) {
        const innermost = capture(inner, letters, NAME)
        if (innermost !== undefined) bases.add(before + innermost)
      }
    }
  }
  return [...bases]
}

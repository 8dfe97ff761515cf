import { distance } from 'fastest-levenshtein'

/** What share of a name may be misspelt: `foo` is no `log`. */
const LARGEST_SHARE = 0.5

/**
 * The candidate nearest to a misspelt name, or the only one that it abbreviates by its words' initials, as the end of
 * an error message: `; did you mean "relu"?`, or an empty string when nothing is near.
 */
export function suggestName(name: string, candidates: Iterable<string>): string {
  let best: string | undefined
  const most = Math.min(Math.max(2, name.length / 3), LARGEST_SHARE * name.length)
  let bestDistance = Math.floor(most) + 1
  const all = [...candidates]
  const abbreviated = all.filter((candidate) => initialsOf(candidate) === name.toLowerCase())
  if (abbreviated.length === 1) return `; did you mean "${abbreviated[0]}"?`
  for (const candidate of all) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`
}

/** `bce` of `binary-cross-entropy`; undefined for a single word. */
function initialsOf(candidate: string): string | undefined {
  const words = candidate.toLowerCase().split('-')
  return words.length < 2 ? undefined : words.map((word) => word.slice(0, 1)).join('')
}

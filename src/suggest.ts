import { distance } from 'fastest-levenshtein'

/**
 * The candidate nearest to a misspelt name, as the end of an error message: `; did you mean "relu"?`, or an
 * empty string when nothing is near.
 */
export function suggestName(name: string, candidates: Iterable<string>): string {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`
}

/** Names as a sentence has them: `W2`, `W2 and b1`, `W1, W2, W3 and 5 more`. */
export function listNames(names: readonly string[], limit = 4): string {
  if (names.length > limit)
    return `${names.slice(0, limit - 1).join(', ')} and ${names.length - limit + 1} more`
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`
}

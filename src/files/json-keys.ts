/**
 * The keys of a JSON object in the order they are written, repeated ones included. `JSON.parse` moves keys that
 * look like an index ("0") to the front and keeps only the last of two equal ones.
 * @param json valid JSON text
 */
export function listKeys(json: string): string[] {
  const keys: string[] = []
  let depth = 0
  let lastString = ''
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (token !== ':') lastString = token
    else if (depth === 1) keys.push(JSON.parse(lastString))
  }
  return keys
}

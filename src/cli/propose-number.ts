/**
 * A number as this command reads it, of one that was written as people also write them: `0,7`, `10^-7`, `5%`, `1/1000`,
 * `1_000`. Undefined where the text means no number, or more than one.
 */
export function proposeNumber(text: string): string | undefined {
  const plain = text
    .trim()
    .replaceAll('−', '-')
    .replace(/^['"([]+|['")\]fFdL]+$/g, '')
    .replaceAll('_', '')
  const value =
    readDecimal(plain) ?? readComma(plain) ?? readPower(plain) ?? readShare(plain) ?? readFraction(plain)
  if (value === undefined || !Number.isFinite(value)) return undefined
  return Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential() : String(value).replace('e+', 'e')
}

const DECIMAL = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`

const readDecimal = (text: string) => (new RegExp(`^${DECIMAL}$`).test(text) ? Number(text) : undefined)

/** `0,7` and `1e-7,5`; of `1,000` nobody knows whether it is 1 or 1000. */
function readComma(text: string): number | undefined {
  if (/^[-+]?[1-9]\d{0,2}(,\d{3})+$/.test(text)) return undefined
  return /^[^,]*,[^,]*$/.test(text) ? readDecimal(text.replace(',', '.')) : undefined
}

/** `10^-7`, `10**-7`, `2·10^-3`, `1x10^-7` */
function readPower(text: string): number | undefined {
  const match = new RegExp(
    `^(?:(${DECIMAL})\\s*[*x×·]\\s*)?10\\s*(?:\\^|\\*\\*)\\s*\\{?([-+]?\\d+)\\}?$`,
  ).exec(text)
  // the literal is rounded once, the product twice
  const digits = match?.[1] ?? '1'
  if (match === null || /e/i.test(digits)) return undefined
  return Number(`${digits}e${match[2]}`)
}

function readShare(text: string): number | undefined {
  const number = /^(.*?)\s*%$/.exec(text)
  const value = number === null ? undefined : readDecimal(number[1].replace(',', '.'))
  return value === undefined ? undefined : value / 100
}

function readFraction(text: string): number | undefined {
  const match = new RegExp(`^(${DECIMAL})\\s*/\\s*(${DECIMAL})$`).exec(text)
  return match === null ? undefined : Number(match[1]) / Number(match[2])
}

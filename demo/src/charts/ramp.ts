/** cividis (Nuñez, Anderton & Renslow 2018): even in lightness, the same for colour-blind eyes; dark to light. */
const STOPS = [
  [0x00, 0x22, 0x4e],
  [0x12, 0x35, 0x70],
  [0x3b, 0x49, 0x6c],
  [0x57, 0x5d, 0x6d],
  [0x70, 0x71, 0x73],
  [0x8a, 0x86, 0x78],
  [0xa5, 0x9c, 0x74],
  [0xc3, 0xb3, 0x69],
  [0xe1, 0xcc, 0x55],
  [0xfe, 0xe8, 0x38],
] as const

/** The smallest and largest relative error that colours tell apart, as powers of ten. */
export const RAMP_POWERS = { from: -12, to: 0 } as const

/** The colour of a share from 0 to 1, as red, green and blue. */
export function colourAt(share: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1)
  const below = Math.min(STOPS.length - 2, Math.floor(at))
  const part = at - below
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(STOPS[below][channel] + part * (STOPS[below + 1][channel] - STOPS[below][channel]))
  return [mix(0), mix(1), mix(2)]
}

/** Where a relative error stands on the ramp: 0 at 10⁻¹² and below, 1 at 1. */
export function shareOfError(error: number): number {
  if (!(error > 0)) return Number.isNaN(error) ? 1 : 0
  const { from, to } = RAMP_POWERS
  return Math.min(1, Math.max(0, (Math.log10(error) - from) / (to - from)))
}

/** The ramp as a CSS gradient, left to right. */
export function describeRamp(): string {
  const stops = STOPS.map((_, k) => `rgb(${colourAt(k / (STOPS.length - 1)).join(' ')})`)
  return `linear-gradient(to right, ${stops.join(', ')})`
}

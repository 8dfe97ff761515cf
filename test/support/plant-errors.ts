import type { NamedTensors, Tensor } from '../../src/tensor.js'

/** Named tensors with one of them replaced by what `change` makes of its elements. */
export function withChanged(
  tensors: NamedTensors,
  name: string,
  change: (value: number, offset: number) => number,
): NamedTensors {
  const changed = tensors.get(name)
  if (changed === undefined) throw new Error(`there is no ${name}`)
  return new Map(tensors).set(name, { ...changed, data: changed.data.map(change) })
}

/** Named tensors stored with fewer digits. */
export function storeAs(tensors: NamedTensors, dtype: 'float32' | 'float16' | 'bfloat16'): NamedTensors {
  const round = ROUNDINGS[dtype]
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, dtype, data: data.map(round) }]),
  )
}

const ROUNDINGS = {
  float32: Math.fround,
  float16: (value: number) => roundTo(value, 11, -24),
  bfloat16: (value: number) => roundTo(value, 8, -133),
}

/** To the nearest number of so many significant bits, or multiple of 2^lowest. */
function roundTo(value: number, bits: number, lowest: number): number {
  if (value === 0) return value
  const exponent = Math.floor(Math.log2(Math.abs(value)))
  const spacing = 2 ** Math.max(exponent - bits + 1, lowest)
  return Math.round(value / spacing) * spacing
}

/** The offset of the element whose size is in the middle. */
export function medianOffset({ data }: Tensor): number {
  const offsets = Array.from(data.keys()).sort((a, b) => Math.abs(data[a]) - Math.abs(data[b]))
  return offsets[Math.floor(offsets.length / 2)]
}

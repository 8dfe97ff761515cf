import extendedTest from '../../../shaders/extended/self_test.wesl?extended'
import singleTest from '../../../shaders/single_test.wesl'
import { GradcheckError } from '../../errors.js'
import type { GpuDevice } from '../../gpu/device.js'
import { Pipelines } from '../../gpu/pipelines.js'
import { runOnce } from '../../gpu/run-once.js'
import { expm1Ratio, log1pRatio } from '../../operations/exponential.js'
import { decodeReals, encodeReals, formatOf, ZERO_BINDING } from './reals.js'

const GROUP_SIZE = 64
const EXTENDED = formatOf('extended')
const CASES = 512
/** u² of double-single arithmetic. */
const SQUARED_ROUNDOFF = 2 ** -48
/** Units in the last place that WGSL's elementary functions of ours stay within. */
const MOST_ULPS = 4

/** A self-test's case: |a| ≥ |b|, no operation on them over- or underflows. */
interface Case {
  readonly a: number
  readonly b: number
  readonly c: number
}

interface Operation {
  readonly name: string
  /** The result in float64, exact where the bound is 0. */
  exact(at: Case): number
  /** Largest error in u², relative to the result, or to `size`. */
  readonly bound: number
  size?(at: Case): number
}

const high = Math.fround

/** What shaders/extended/self_test.wesl evaluates, in its order, with the bounds of shaders/extended/real.wesl. */
const OPERATIONS: readonly Operation[] = [
  { name: 'the residuals of sums', exact: ({ a, b }) => high(a) + high(b), bound: 0 },
  { name: 'the residuals of ordered sums', exact: ({ a, b }) => high(a) + high(b), bound: 0 },
  { name: 'the residuals of products', exact: ({ a, b }) => high(a) * high(b), bound: 0 },
  { name: 'sums', exact: ({ a, b }) => a + b, bound: 3 },
  { name: 'sums of four', exact: ({ a, b }) => a + b, bound: 3 },
  { name: 'products', exact: ({ a, b }) => a * b, bound: 5 },
  { name: 'products of four', exact: ({ a, b }) => a * b, bound: 5 },
  // WGSL allows 2.5 ulp to the division that it rests on
  { name: 'quotients', exact: ({ a, b }) => a / b, bound: 45 },
  {
    name: 'sums of products',
    exact: ({ a, b, c }) => a * b + c,
    bound: 9,
    size: ({ a, b, c }) => Math.abs(a * b) + Math.abs(c),
  },
]

/** What a device's compiler makes of extended precision. */
export interface ExtendedArithmetic {
  readonly exact: boolean
  /** What it does not keep, in words; empty where it keeps everything. */
  readonly lost: readonly string[]
}

/** What a device makes of single precision. */
export interface SingleArithmetic {
  /** Largest error of the elementary functions, in units in the last place. */
  readonly ulps: number
  /** Whether that is as small as on every device the kernels were made for. */
  readonly asExpected: boolean
  /** Whether numbers below 2^−126 are kept or taken for 0: WGSL allows both. */
  readonly subnormals: 'kept' | 'flushed'
}

/** Numbers without a pattern, by multiples of the golden ratio. */
function* unpatterned(): Generator<number, never> {
  const golden = (Math.sqrt(5) - 1) / 2
  for (let k = 1; ; k++) yield (golden * k) % 1
}

/** Operands with full significands, from far apart to so close that sums cancel. */
function createCases(): Case[] {
  const numbers = unpatterned()
  const next = () => numbers.next().value
  const number = (exponent: number) =>
    (next() < 0.5 ? -1 : 1) * (1 + next() + next() * 2 ** -26) * 2 ** exponent
  return Array.from({ length: CASES }, (_, k) => {
    const a = number(Math.floor(12 * next()))
    const b =
      k % 4 === 0 ? -a * (1 - 2 ** -Math.ceil(23 * next()) * next()) : number(-1 - Math.floor(12 * next()))
    const operands = decodeReals(encodeReals([a, b, number(Math.floor(8 * next()))], EXTENDED), EXTENDED)
    return { a: operands[0], b: operands[1], c: operands[2] }
  })
}

/**
 * Runs every operation of extended precision on the device and compares with the exact results: WGSL allows
 * compilers to reassociate and contract, which would lose what rounding took away.
 * @param shader the WGSL that is tested
 */
export async function testExtendedArithmetic(
  device: GPUDevice,
  shader: string = extendedTest,
): Promise<ExtendedArithmetic> {
  const cases = createCases()
  const pipeline = await new Pipelines(device).get('self-test', shader, 'testArithmetic', { GROUP_SIZE })
  const output = await runOnce(device, pipeline, {
    label: 'self-test',
    input: encodeReals(
      cases.flatMap(({ a, b, c }) => [a, b, c]),
      EXTENDED,
    ),
    outputLength: EXTENDED.parts * OPERATIONS.length * cases.length,
    workgroups: Math.ceil(cases.length / GROUP_SIZE),
    zeroBinding: ZERO_BINDING,
  })
  const results = decodeReals(output, EXTENDED)
  const lost = OPERATIONS.filter(({ exact, bound, size }, k) => {
    const isKept = cases.every((at, n) => {
      const expected = exact(at)
      const allowed = bound * SQUARED_ROUNDOFF * (size?.(at) ?? Math.abs(expected))
      return Math.abs(results[n * OPERATIONS.length + k] - expected) <= allowed
    })
    return !isKept
  }).map(({ name }) => name)
  return { exact: lost.length === 0, lost }
}

/**
 * @throws GradcheckError `device-unavailable` where the device's compiler does not keep extended precision exact,
 * `device-lost`
 */
export async function requireExtendedArithmetic(
  gpu: GpuDevice,
  shader: string = extendedTest,
): Promise<void> {
  const { exact, lost } = await testExtendedArithmetic(gpu.device, shader).catch((cause: unknown) => {
    const { reason } = gpu.lost
    if (reason === undefined) throw cause
    throw new GradcheckError('device-lost', `the GPU device ${gpu.name} was lost: ${reason}`, { cause })
  })
  if (exact) return
  throw new GradcheckError(
    'device-unavailable',
    `${gpu.name} cannot be used in extended precision: its shader compiler loses ${lost.join(', ')}`,
    { fix: 'use single precision, or the processor (device cpu) for float64' },
  )
}

/** What shaders/single_test.wesl evaluates, in its order. */
const FUNCTIONS: readonly ((x: number) => number)[] = [Math.exp, expm1Ratio, Math.log, log1pRatio]

/** The distance from one float32 to the next, where a number is. */
const ulp = (x: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23)

/** Runs single precision's elementary functions on the device and compares them with float64's. */
export async function testSingleArithmetic(device: GPUDevice): Promise<SingleArithmetic> {
  const numbers = unpatterned()
  const cases = Float32Array.from({ length: CASES }, () => 2 ** (26 * numbers.next().value - 20))
  const pipeline = await new Pipelines(device).get('single test', singleTest, 'testSingle', { GROUP_SIZE })
  const perCase = FUNCTIONS.length + 1
  const output = await runOnce(device, pipeline, {
    label: 'single test',
    input: cases,
    outputLength: perCase * cases.length,
    workgroups: Math.ceil(cases.length / GROUP_SIZE),
  })
  let ulps = 0
  for (const [n, x] of cases.entries()) {
    for (const [k, evaluate] of FUNCTIONS.entries()) {
      const exact = evaluate(x)
      const error = Math.abs(output[n * perCase + k] - exact) / ulp(exact)
      if (Number.isNaN(error) || error > ulps) ulps = error
    }
  }
  const flushed = cases.some((x, n) => x < 1 && output[n * perCase + FUNCTIONS.length] === 0)
  return { ulps, asExpected: ulps <= MOST_ULPS, subnormals: flushed ? 'flushed' : 'kept' }
}

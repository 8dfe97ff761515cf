import { describe, expect, it } from 'vitest'
import { crossesKink, findActivation, findActivationWith } from '../../../src/network/activations.js'
import { expectFailure } from '../../support/expect-failure.js'
import { ACTIVATIONS_UNDER_TEST } from '../../support/random-network.js'
import {
  allowedError,
  expectNear,
  referenceDerivative,
  referenceSlope,
  referenceValue,
} from '../../support/reference.js'

const UNIT_ROUNDOFF = 2 ** -53
/** Numbers below this may have underflowed on the way. */
const UNDERFLOWN = 1e-300

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
const TINY = bothSigns([1e-300])
// silu and gelu have their minima at −1.28 and −0.7518
const ARGUMENTS = [0, ...TINY, ...bothSigns([1e-8, 0.1, 0.7518, 1, 1.28, 3, 6, 15, 30, 40, 100])]
const CHANGES = [0, ...TINY, ...bothSigns([1e-15, 1e-8, 1e-5, 1e-3, 0.1, 0.4, 0.6, 2, 10, 50, 200])]

const cases = ARGUMENTS.flatMap((z) =>
  [...CHANGES, -z, -2 * z, -0.999 * z, -1.001 * z].map((d) => ({ z, d })),
).concat(bothSigns([1000, 1e5]).flatMap((z) => [-z, -2 * z, -1.5 * z].map((d) => ({ z, d }))))

describe.each(ACTIVATIONS_UNDER_TEST)('%s', (name) => {
  const activation = findActivation(name)

  it('has the secant slope that its definition gives, for tiny and large changes, saturated or not', () => {
    const slopes = cases.map(({ z, d }) => {
      const reference = referenceSlope(name, z, d)
      return {
        at: `z = ${z}, d = ${d}`,
        value: activation.secantSlope(z, activation.tail(z), d),
        reference,
        allowed: allowedError(name, z, d, reference, UNIT_ROUNDOFF),
      }
    })
    expectNear(slopes, UNDERFLOWN)
  })

  it('has the derivative that its definition gives', () => {
    const derivatives = ARGUMENTS.map((z) => {
      const reference = referenceDerivative(name, z)
      return {
        at: `z = ${z}`,
        value: activation.derivative(z),
        reference,
        allowed: allowedError(name, z, 0, reference, UNIT_ROUNDOFF),
      }
    })
    expectNear(derivatives, UNDERFLOWN)
  })

  it('has the value that its definition gives', () => {
    const values = ARGUMENTS.map((z) => {
      const reference = referenceValue(name, z)
      return {
        at: `z = ${z}`,
        value: activation.value(z),
        reference,
        allowed: allowedError(name, z, 0, reference, UNIT_ROUNDOFF),
      }
    })
    expectNear(values, UNDERFLOWN)
  })

  it('has a kink exactly if its slopes on the two sides of 0 differ', () => {
    const differ = Math.abs(referenceSlope(name, 0, 1e-9) - referenceSlope(name, 0, -1e-9)) > 1e-6
    expect(activation.hasKink).toBe(differ)
  })
})

it('a change crosses the kink if it leaves one side of 0 for the other, 0 being on the left', () => {
  expect(crossesKink(1, -0.5)).toBe(false)
  expect(crossesKink(1, -1)).toBe(true)
  expect(crossesKink(0, 1e-300)).toBe(true)
  expect(crossesKink(0, -1)).toBe(false)
  expect(crossesKink(-1, 1)).toBe(false)
  expect(crossesKink(-1, 1.5)).toBe(true)
})

it('an unknown name is refused with the nearest one', () => {
  expectFailure(() => findActivation('sigmiod'), 'unknown-name', 'sigmoid')
})

it('with a constant it is declared by name and number, equal ones being the same', () => {
  const leaky = findActivation('leaky-relu(0.2)')
  expect(leaky).toMatchObject({ name: 'leaky-relu', text: 'leaky-relu(0.2)', constant: 0.2 })
  expect(findActivation(' leaky-relu( 2e-1 )')).toBe(leaky)
  expect(findActivationWith('leaky-relu', { slope: 0.2 })).toBe(leaky)
  expect(findActivation('leaky-relu(0.01)')).toBe(findActivation('leaky-relu'))
  expect(findActivation('elu(1)').text).toBe('elu')
  expect(findActivation('elu(1)').hasKink).toBe(false)
})

it.each([
  ['a constant of one that has none', 'tanh(2)', 'bad-network', 'has no constant'],
  ['what is no number', 'leaky-relu(steep)', 'bad-network', '"steep"'],
  ['an empty constant', 'leaky-relu()', 'bad-network', 'no number'],
  ['a negative slope', 'leaky-relu(-0.2)', 'bad-network', 'from 0'],
  ['an unclosed parenthesis', 'leaky-relu(0.2', 'unknown-name', 'leaky-relu'],
] as const)('%s is refused', (_, text, code, message) => {
  expectFailure(() => findActivation(text), code, message)
})

it('a constant by a name that is not its own is refused', () => {
  expectFailure(() => findActivationWith('elu', { slope: 0.2 }), 'bad-network', 'alpha')
  expectFailure(() => findActivationWith('relu', { alpha: 1 }), 'bad-network', 'no constant')
})

/** What code has in place of ∂J/∂Z = ∂J/∂A · f′(z), at z with a = f(z). */
export interface MistakenPass {
  /** What the derivative of the activation is said to be, after "the derivative of tanh is wrong …: ". */
  readonly text: string
  readonly cost: number
  /** ∂J/∂Z from ∂J/∂A. */
  pass(upstream: number, z: number, a: number): number
}

/** A mistake that is another slope than f′(z). */
export function mistakenSlope(
  text: string,
  cost: number,
  slope: (z: number, a: number) => number,
): MistakenPass {
  return { text, cost, pass: (upstream, z, a) => upstream * slope(z, a) }
}

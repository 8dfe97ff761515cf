import type { Tensor } from '../../tensor.js'

/** Numbers by name: tensors, flat arrays, or single numbers. */
export type NamedNumbers =
  | Readonly<Record<string, Tensor | ArrayLike<number> | number>>
  | ReadonlyMap<string, Tensor | ArrayLike<number> | number>

/** A point: a flat array, a tensor, or several by name. */
export type Point = ArrayLike<number> | Tensor | NamedNumbers

/** What the functions are given for a point: a `Float64Array`, a tensor, or tensors by the point's names. */
export type GivenPoint<P extends Point> =
  P extends ArrayLike<number>
    ? Float64Array
    : P extends Tensor
      ? Tensor
      : P extends ReadonlyMap<string, unknown>
        ? ReadonlyMap<string, Tensor>
        : { readonly [Name in keyof P]: Tensor }

/** What an output that is no number is multiplied by and summed: one upstream gradient, or random ones. */
export type Upstream =
  | ArrayLike<number>
  | Tensor
  | {
      /** How many random upstream gradients the check is made with. */
      readonly random: number
      /** @default 0 */
      readonly seed?: number
    }

/**
 * A function in code with its analytical gradient; both may answer later. They are methods here so that functions of
 * one kind of point are accepted where any kind is.
 */
export interface CallableProblem<P extends Point = Point> {
  /** The function; a number, or with `upstream` an array or a tensor. */
  function(point: GivenPoint<P>): Output | Promise<Output>
  /**
   * Its gradient, in the form of the point: an array, a tensor, or such by name (`W` or `dW`). With `upstream` the
   * vector-Jacobian product Σ upstream · ∂output/∂point.
   */
  gradient(point: GivenPoint<P>, upstream: Tensor): Gradient | Promise<Gradient>
  /** The point. */
  readonly at: P
  /** Of a function whose output is no number. */
  readonly upstream?: Upstream
}

export type Output = number | ArrayLike<number> | Tensor
export type Gradient = ArrayLike<number> | Tensor | NamedNumbers

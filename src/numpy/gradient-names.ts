/** Names under which a gradient may stand beside its array, in the order in which they are tried. */
export const GRADIENT_NAMES: readonly ((name: string) => string)[] = [
  (name) => `d${name}`,
  (name) => `grad.${name}`,
  (name) => `grads.${name}`,
  (name) => `${name}_grad`,
  (name) => `${name}.grad`,
  (name) => `grad_${name}`,
  (name) => `grads[${name}]`,
  (name) => `dJd${name}`,
  (name) => `dL_d${name}`,
  (name) => `dLd${name}`,
  (name) => `d_${name}`,
  (name) => `nabla_${name}`,
]

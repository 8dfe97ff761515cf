/** Extended precision on a compiler that reassociates sums. */
declare module '*.wesl?extended&reassociated' {
  const wgsl: string
  export default wgsl
}

/** Extended precision without barriers for the optimiser. */
declare module '*.wesl?extended&unguarded' {
  const wgsl: string
  export default wgsl
}

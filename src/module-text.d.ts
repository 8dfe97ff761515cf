/** The WGSL text of a shader module and what it imports; see scripts/wesl-plugin.ts. */
declare module '*.wesl' {
  const wgsl: string
  export default wgsl
}

/** The same in extended precision. */
declare module '*.wesl?extended' {
  const wgsl: string
  export default wgsl
}

/** A module bundled with all it imports, as text; see scripts/inline-module-plugin.ts. */
declare module '*?bundled' {
  const code: string
  export default code
}

/** The WGSL text of a shader module and what it imports; see scripts/wesl-plugin.ts. */
declare module '*.wesl' {
  const wgsl: string
  export default wgsl
}

/** `W1.npy` of `runs/W1.npy`. */
export function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1)!
}

/** `W1` of `runs/W1.npy`. */
export function fileStem(path: string): string {
  return baseName(path).replace(/(?<=.)\.[^.]*$/, '')
}

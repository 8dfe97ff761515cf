/**
 * Results that could not be read, or were not all written: what some systems give instead of an error when they end a
 * kernel. Another device, or less at once, may give them.
 */
export class UnverifiedResults extends Error {}

/**
 * Waits until a buffer's first bytes can be read, and copies them.
 * @throws UnverifiedResults when they cannot be
 */
export async function copyBack(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
  try {
    await buffer.mapAsync(GPUMapMode.READ, 0, bytes)
    const read = buffer.getMappedRange(0, bytes).slice(0)
    buffer.unmap()
    return read
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UnverifiedResults(`what the GPU wrote could not be read: ${reason}`, { cause })
  }
}

/**
 * Results that could not be read, or were not all written: what some systems give instead of an error when they end a
 * kernel. Another device, or less at once, may give them.
 */
export class UnverifiedResults extends Error {}

/**
 * Waits until a buffer's first bytes can be read.
 * @throws UnverifiedResults when they cannot be
 */
export async function mapToRead(buffer: GPUBuffer, bytes: number): Promise<void> {
  try {
    await buffer.mapAsync(GPUMapMode.READ, 0, bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UnverifiedResults(`what the GPU wrote could not be read: ${reason}`, { cause })
  }
}

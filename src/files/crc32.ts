/** Bytes taken at once. */
const SLICES = 8

/** `TABLES[k][b]`: what a byte b does to the remainder when k more bytes come after it. */
const TABLES = makeTables()

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
    return remainder
  })
  const tables = [first]
  for (let k = 1; k < SLICES; k++) {
    tables.push(tables[k - 1].map((remainder) => (remainder >>> 8) ^ first[remainder & 0xff]))
  }
  return tables
}

/**
 * The CRC-32 that zip stores for each member (ISO-HDLC, reflected polynomial 0xEDB88320), as a uint32; eight bytes at
 * once (Kounavis & Berry 2005, "A Systematic Approach to Building High Performance Software-Based CRC Generators").
 */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES
  let remainder = 0xffffffff
  const whole = bytes.length - (bytes.length % SLICES)
  for (let at = 0; at < whole; at += SLICES) {
    const low = remainder ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))
    remainder =
      t7[low & 0xff] ^
      t6[(low >>> 8) & 0xff] ^
      t5[(low >>> 16) & 0xff] ^
      t4[low >>> 24] ^
      t3[bytes[at + 4]] ^
      t2[bytes[at + 5]] ^
      t1[bytes[at + 6]] ^
      t0[bytes[at + 7]]
  }
  for (let at = whole; at < bytes.length; at++)
    remainder = (remainder >>> 8) ^ t0[(remainder ^ bytes[at]) & 0xff]
  return (remainder ^ 0xffffffff) >>> 0
}

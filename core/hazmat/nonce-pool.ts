import { randomFillSync } from 'node:crypto';

/**
 * A pool of random bytes for nonces, never for keys. Requesting 12 bytes at a time from the generator costs more than
 * encrypting a short value. Each byte is used once. A process image that is restored twice would use the same bytes
 * twice, so the vault must not run from restored snapshots (docs/format.md, section 3).
 */
const noncePool = Buffer.allocUnsafe(3072);
let poolBytesUsed = noncePool.length;

/** Writes `length` fresh random bytes to `target` at `offset`. */
export function fillFromNoncePool(target: Buffer, offset: number, length: number): void {
  if (poolBytesUsed + length > noncePool.length) {
    randomFillSync(noncePool);
    poolBytesUsed = 0;
  }
  noncePool.copy(target, offset, poolBytesUsed, poolBytesUsed + length);
  poolBytesUsed += length;
}

/** Password slots: Argon2id and the stored verifier (docs/format.md, section 12). */
import { type Argon2Parameters, argon2, createSecretKey, hash } from 'node:crypto';
import { hkdfSha256 } from '../hazmat/node-primitives.ts';
import { decodeSlotSalt, type PasswordParams, type SlotMetadata, slotKekInfo, slotKekLength } from './key-slot.ts';
import type { UserRef } from './user-root-key.ts';

/** The Argon2id parameters of OWASP (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
export const defaultArgon2idParams = { algorithm: 'argon2id', memory: 19_456, passes: 2, lanes: 1 } as const;

/**
 * Stretches a password with Argon2id (RFC 9106) to 32 bytes, which the caller zeroes. The secret of the slot is a MAC
 * over the result (slot-mac-inputs.ts).
 * @param password normalized here to Unicode form NFKC and encoded as UTF-8
 */
export function stretchPassword(
  password: string,
  slot: Pick<SlotMetadata, 'salt'>,
  cost: Pick<PasswordParams, 'memory' | 'passes' | 'lanes'>,
): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFKC'), 'utf8');
  const parameters: Argon2Parameters = {
    message,
    nonce: decodeSlotSalt(slot),
    parallelism: cost.lanes,
    tagLength: 32,
    memory: cost.memory,
    passes: cost.passes,
  };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, stretched) => {
      message.fill(0);
      if (error === null) resolve(stretched);
      else reject(error);
    });
  });
}

/**
 * The stored verifier of a password, base64. It reveals nothing about the KEK, which is the other half of the HKDF
 * output.
 * @param secret secret of the slot: the MAC over the stretched password
 */
export function verifierOf(secret: Uint8Array, owner: UserRef, slot: Pick<SlotMetadata, 'id' | 'salt'>): string {
  const facts = { ...slot, kind: 'password' } as const;
  const halves = hkdfSha256(
    createSecretKey(secret),
    decodeSlotSalt(slot),
    slotKekInfo(owner, facts),
    2 * slotKekLength,
  );
  const verifier = hash('sha256', halves.subarray(slotKekLength), 'base64');
  halves.fill(0);
  return verifier;
}

/** The two contenders with goals: `core`, and the minimum that node:crypto needs for the same. */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { u64 } from '../core/encoding/length-prefixed-fields.ts';
import { deriveDek } from '../core/encryption/root-key.ts';
import { open, type SealContext, seal } from '../core/encryption/sealed-string.ts';
import { type Contender, owner, sealAhead } from './contender.ts';

/** `core` as the vault uses it, with a loaded DEK and a cached derived key. */
export const core: Contender = async (plaintext) => {
  const dek = deriveDek(randomBytes(32), owner.org, 1);
  const context: SealContext = ['vault.value', owner.org, owner.name, u64(1)];
  const next = await sealAhead(() => seal(dek, context, plaintext));
  return {
    name: 'core',
    seal: () => seal(dek, context, plaintext),
    open: () => open(dek, context, next()),
  };
};

/** Bare AES-256-GCM: KeyObject, random 96-bit nonce, prepared AAD, base64 of nonce ‖ ciphertext ‖ tag. */
export const bareGcm: Contender = async (plaintext) => {
  const key = createSecretKey(randomBytes(32));
  const aad = Buffer.from(`vault.value:${owner.org}:${owner.name}:1`);
  const options = { authTagLength: 16 };
  const sealOne = (): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, options).setAAD(aad);
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64');
  };
  const next = await sealAhead(sealOne);
  return {
    name: 'node:crypto',
    seal: sealOne,
    open: () => {
      const bytes = Buffer.from(next(), 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), options).setAAD(aad);
      decipher.setAuthTag(bytes.subarray(bytes.length - 16));
      return Buffer.concat([decipher.update(bytes.subarray(12, bytes.length - 16)), decipher.final()]);
    },
  };
};

/** The recovery wrap of the published system (docs/format-devices.md, section 2), for import and export only. */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, utf8Bytes } from '../encoding/bytes.ts';
import { findNodeArgon2 } from '../hazmat/optional-node-crypto.ts';
import { type RandomSource, randomBytes, withBoxKey } from '../hazmat/portable-aes-gcm.ts';

/** The published parameters. They are never read from data: a server could choose weak or enormous ones. */
export const recoveryArgon2id = { memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 } as const;

const saltLength = 32;
const umkLength = 32;
const aad = utf8Bytes('pia-recovery-wrap-v1');

/**
 * Argon2id (RFC 9106) with {@link recoveryArgon2id}. A browser passes the implementation of a library, because core has no
 * packages.
 */
export type Argon2id = (message: Uint8Array, salt: Uint8Array, parameters: typeof recoveryArgon2id) => Promise<Bytes>;

/** Argon2id of node:crypto; undefined where it does not exist. */
export function findNativeArgon2id(): Argon2id | undefined {
  const node = findNodeArgon2();
  if (node === undefined) return undefined;
  return (message, nonce, parameters) =>
    new Promise((resolve, reject) => {
      node.argon2('argon2id', { message, nonce, ...parameters }, (error, result) =>
        error === null ? resolve(new Uint8Array(result)) : reject(error),
      );
    });
}

export interface RecoveryWrap {
  readonly salt: Bytes;
  readonly box: Bytes;
}

async function recoveryKek(argon2id: Argon2id, code: string, salt: Uint8Array): Promise<Bytes> {
  const message = utf8Bytes(code);
  const kek = await argon2id(message, salt, recoveryArgon2id);
  message.fill(0);
  return kek;
}

/** Wraps a UMK with a recovery code. @param code the code as it is displayed */
export async function wrapUmkForRecovery(
  argon2id: Argon2id,
  code: string,
  umk: Uint8Array,
  random: RandomSource = randomBytes,
): Promise<RecoveryWrap> {
  const salt = new Uint8Array(random(saltLength));
  const kek = await recoveryKek(argon2id, code, salt);
  return { salt, box: await withBoxKey(kek, (key) => key.seal(aad, umk, random)) };
}

/** Unwraps a UMK. The caller zeroes it. @throws DecryptionError for every cause */
export async function unwrapUmkFromRecovery(argon2id: Argon2id, code: string, wrap: RecoveryWrap): Promise<Bytes> {
  if (wrap.salt.length !== saltLength) throw new DecryptionError();
  const umk = await withBoxKey(await recoveryKek(argon2id, code, wrap.salt), (key) => key.open(aad, wrap.box));
  if (umk.length !== umkLength) throw new DecryptionError();
  return umk;
}

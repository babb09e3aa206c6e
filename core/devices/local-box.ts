/**
 * Boxes of the copy of a vault that a device keeps. The form is private: only the device itself reads
 * them, and the key never leaves it.
 */

import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import type { CryptoKey } from '../hazmat/crypto-key.ts';
import { type BoxKey, boxKeyOf, generateBoxCryptoKey, importBoxKey, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import { scopeFields, type VaultScope } from './vault-scope.ts';

/** The key of all local boxes of a vault on one device. */
export type LocalKey = BoxKey;

const localKeyLength = 32;

/** The bytes of a new key, which the caller stores and zeroes. */
export const newLocalKeyBytes = (): Bytes => new Uint8Array(randomBytes(localKeyLength));

/** Imports a key. The caller zeroes its bytes. @throws RangeError unless it has 32 bytes */
export const importLocalKey = (bytes: Uint8Array): Promise<LocalKey> => importBoxKey(bytes);

/** A new key that cannot be exported, for stores that hold keys as they are. */
export const generateLocalCryptoKey = (): Promise<CryptoKey> => generateBoxCryptoKey();

export const localKeyOf = (key: CryptoKey): LocalKey => boxKeyOf(key);

/** The name is bound, so that boxes cannot be exchanged with each other. */
const localAad = (scope: VaultScope, name: string): Bytes =>
  encodeFieldBytes('anima:local:v1', ...scopeFields(scope), name);

/** Seals what a device stores under a name. */
export const sealLocal = (key: LocalKey, scope: VaultScope, name: string, plaintext: Uint8Array): Promise<Bytes> =>
  key.seal(localAad(scope, name), plaintext);

/** Opens it. @throws DecryptionError for every cause */
export const openLocal = (key: LocalKey, scope: VaultScope, name: string, box: Uint8Array): Promise<Bytes> =>
  key.open(localAad(scope, name), box);

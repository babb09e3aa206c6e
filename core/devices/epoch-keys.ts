/**
 * The keys of an epoch (docs/format-devices.md, section 3). The UMK of an epoch wraps the data-encryption keys of its
 * records, and opens the UMK of the epoch before. The commitment is public: it is in the signed roster.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes } from '../encoding/bytes.ts';
import { type BoxKey, importBoxKey, type RandomSource, randomBytes, withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256 } from '../hazmat/portable-hash.ts';
import { importUmk } from './published-boxes.ts';
import { scopeFields, type VaultScope } from './vault-scope.ts';

export const umkLength = 32;
const keyLength = 32;

export interface EpochKey {
  readonly scope: VaultScope;
  readonly epoch: number;
  /** The UMK. Zeroed by {@link destroyEpochKey}. */
  readonly umk: Bytes;
  /** The UMK as a key, for records. */
  readonly records: BoxKey;
  readonly history: BoxKey;
  readonly label: BoxKey;
  readonly commitment: Bytes;
}

/** A new UMK. */
export const newUmk = (random: RandomSource = randomBytes): Bytes => new Uint8Array(random(umkLength));

/** Derives the keys of an epoch. @param umk kept, not copied */
export async function deriveEpochKey(scope: VaultScope, epoch: number, umk: Bytes): Promise<EpochKey> {
  const fields = [...scopeFields(scope), u32Bytes(epoch)] as const;
  const empty = new Uint8Array(0);
  const bytes = await portableHkdfSha256(umk, empty, encodeFieldBytes('anima:umk:v1', ...fields), 2 * keyLength);
  const labels = await portableHkdfSha256(umk, empty, encodeFieldBytes('anima:umk-label:v1', ...fields), keyLength);
  const history = await importBoxKey(bytes.subarray(0, keyLength));
  const commitment = bytes.slice(keyLength);
  bytes.fill(0);
  const label = await withBoxKey(labels, async (key) => key);
  return { scope, epoch, umk, records: await importUmk(umk), history, label, commitment };
}

/** Zeroes the UMK. */
export const destroyEpochKey = ({ umk }: EpochKey): void => {
  umk.fill(0);
};

/**
 * Derives the keys of an epoch from a UMK that came from outside. The UMK is zeroed if it is refused.
 * @param commitment the commitment of that epoch in the verified chain
 * @throws DecryptionError for another UMK
 */
export async function openEpochKey(
  scope: VaultScope,
  epoch: number,
  umk: Bytes,
  commitment: Uint8Array,
): Promise<EpochKey> {
  const key = await deriveEpochKey(scope, epoch, umk);
  if (equalBytes(key.commitment, commitment)) return key;
  destroyEpochKey(key);
  throw new DecryptionError();
}

const historyAad = (scope: VaultScope, epoch: number, earlier: number): Bytes =>
  encodeFieldBytes('anima:umk-history:v1', ...scopeFields(scope), u32Bytes(epoch), u32Bytes(earlier));

/** Seals the UMK of an earlier epoch under the history key. */
export const sealEarlierUmk = (key: EpochKey, earlier: EpochKey, random?: RandomSource): Promise<Bytes> =>
  key.history.seal(historyAad(key.scope, key.epoch, earlier.epoch), earlier.umk, random);

/**
 * Opens the UMK of an earlier epoch.
 * @param commitment the commitment of the earlier epoch in the verified chain
 * @throws DecryptionError for every cause
 */
export async function openEarlierUmk(
  key: EpochKey,
  earlier: number,
  box: Uint8Array,
  commitment: Uint8Array,
): Promise<EpochKey> {
  const umk = await key.history.open(historyAad(key.scope, key.epoch, earlier), box);
  if (umk.length !== umkLength) throw new DecryptionError();
  return await openEpochKey(key.scope, earlier, umk, commitment);
}

const labelAad = (key: EpochKey, device: string): Bytes =>
  encodeFieldBytes('anima:label:v1', ...scopeFields(key.scope), u32Bytes(key.epoch), device);

/** Seals the label of a device, which people see in the list of devices. */
export const sealLabel = (key: EpochKey, device: string, label: Uint8Array, random?: RandomSource): Promise<Bytes> =>
  key.label.seal(labelAad(key, device), label, random);

/** Opens the label of a device. @throws DecryptionError for every cause */
export const openLabel = (key: EpochKey, device: string, box: Uint8Array): Promise<Bytes> =>
  key.label.open(labelAad(key, device), box);

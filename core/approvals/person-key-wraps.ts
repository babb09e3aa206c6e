/** Who has the secret of a person's key: devices, the recovery code, later epochs (docs/format-approvals.md, section 5). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes } from '../encoding/bytes.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { openHpke, sealHpke } from '../hazmat/hpke.ts';
import { withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { x25519KeyLength, x25519PublicKey } from '../hazmat/x25519.ts';
import type { ApprovalKey } from './approval-keys.ts';
import type { DeviceWrap, EarlierEpoch, PersonKey } from './person-key.ts';

/** One epoch of a person's key. */
export type KeyEpoch = Pick<PersonKey, 'org' | 'person' | 'epoch' | 'key'>;

const fieldsOf = (label: string, { org, person, epoch, key }: KeyEpoch, ...more: readonly (string | Uint8Array)[]) =>
  encodeFieldBytes(label, org, person, u32Bytes(epoch), key, ...more);

const wrapInfo = (epoch: KeyEpoch, device: string): Bytes => fieldsOf('anima:person-key-wrap:v1', epoch, device);

/** The secret, if it is that of the key. @throws DecryptionError otherwise */
function checkedSecret(secret: Bytes, key: Uint8Array): Bytes {
  if (secret.length === x25519KeyLength && equalBytes(x25519PublicKey(secret), key)) return secret;
  secret.fill(0);
  throw new DecryptionError();
}

/** Gives the secret to a device. @param to the verified approval key of the device */
export async function wrapForDevice(epoch: KeyEpoch, secret: Uint8Array, to: ApprovalKey): Promise<DeviceWrap> {
  return { device: to.device, sealed: await sealHpke(to.ak, wrapInfo(epoch, to.device), secret) };
}

/**
 * The secret that a device was given, which the caller zeroes.
 * @param ak secret of the device's approval key
 * @throws DecryptionError for every cause
 */
export async function unwrapForDevice(key: PersonKey, device: string, ak: Uint8Array): Promise<Bytes> {
  const wrap = key.wraps.find((one) => one.device === device);
  if (wrap === undefined) throw new DecryptionError();
  return checkedSecret(await openHpke(ak, wrapInfo(key, device), wrap.sealed), key.key);
}

const recoveryKey = (epoch: KeyEpoch, code: Uint8Array): Bytes =>
  hkdfSha256(code, new Uint8Array(0), fieldsOf('anima:person-key-recovery:v1', epoch), 32);

const recoveryAad = (epoch: KeyEpoch): Bytes => fieldsOf('anima:person-key-recovery-box:v1', epoch);

/** Seals the secret for the recovery code. @param code the 16 random bytes of the code */
export const wrapForRecovery = (epoch: KeyEpoch, secret: Uint8Array, code: Uint8Array): Promise<Bytes> =>
  withBoxKey(recoveryKey(epoch, code), (key) => key.seal(recoveryAad(epoch), secret));

/** The secret, which the caller zeroes. @throws DecryptionError for every cause */
export async function unwrapForRecovery(key: PersonKey, code: Uint8Array): Promise<Bytes> {
  const { recovery } = key;
  if (recovery === undefined) throw new DecryptionError();
  return checkedSecret(
    await withBoxKey(recoveryKey(key, code), (box) => box.open(recoveryAad(key), recovery)),
    key.key,
  );
}

const earlierInfo = (present: KeyEpoch, { epoch, key }: Pick<EarlierEpoch, 'epoch' | 'key'>): Bytes =>
  fieldsOf('anima:person-key-earlier:v1', present, u32Bytes(epoch), key);

/** Keeps the secret of an earlier epoch for the holders of the present one. */
export async function sealEarlier(
  present: KeyEpoch,
  earlier: Pick<EarlierEpoch, 'epoch' | 'key'>,
  secret: Uint8Array,
): Promise<EarlierEpoch> {
  const { epoch, key } = earlier;
  return { epoch, key, sealed: await sealHpke(present.key, earlierInfo(present, earlier), secret) };
}

/**
 * The secret of an epoch, which the caller zeroes.
 * @param secret of the present epoch
 * @throws DecryptionError for every cause, also for an epoch that is not kept
 */
export async function secretOfEpoch(key: PersonKey, secret: Uint8Array, epoch: number): Promise<Bytes> {
  if (epoch === key.epoch) return checkedSecret(new Uint8Array(secret), key.key);
  const earlier = key.earlier.find((one) => one.epoch === epoch);
  if (earlier === undefined) throw new DecryptionError();
  return checkedSecret(await openHpke(secret, earlierInfo(key, earlier), earlier.sealed), earlier.key);
}

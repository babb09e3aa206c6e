/** A recovery code as people read and type it (docs/format-devices.md, section 10). */
import { type Bytes, concatBytes, encodeFieldBytes, equalBytes } from '../encoding/bytes.ts';
import { fromBase32, normalizeTypedCode, toBase32, toCodeGroups } from '../encoding/crockford-base32.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';

export const recoverySecretLength = 16;
const checkLength = 4;

const checkOf = async (secret: Uint8Array): Promise<Bytes> =>
  (await portableSha256(encodeFieldBytes('anima:recovery-code:v1', secret))).subarray(0, checkLength);

/** The code as it is displayed: 8 groups of 4 characters. @param secret 16 random bytes */
export async function formatRecoveryCode(secret: Uint8Array): Promise<string> {
  if (secret.length !== recoverySecretLength) throw new RangeError('a recovery code needs 16 random bytes');
  return toCodeGroups(toBase32(concatBytes(secret, await checkOf(secret))));
}

/** The 16 bytes of a typed code; undefined for a text that is not a code or was mistyped. The caller zeroes them. */
export async function parseRecoveryCode(typed: string): Promise<Bytes | undefined> {
  const bytes = fromBase32(normalizeTypedCode(typed));
  if (bytes?.length !== recoverySecretLength + checkLength) return undefined;
  const secret = bytes.slice(0, recoverySecretLength);
  const isCode = equalBytes(await checkOf(secret), bytes.subarray(recoverySecretLength));
  bytes.fill(0);
  return isCode ? secret : undefined;
}

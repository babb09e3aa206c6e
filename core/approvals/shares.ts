/** Shares on their way from a device to the broker (docs/format-approvals.md, section 7). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, fieldOfLength } from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { openHpke, sealHpke } from '../hazmat/hpke.ts';
import { type X25519KeyPair, x25519PublicKey } from '../hazmat/x25519.ts';
import { maxApprovalValues } from './limits.ts';
import { shareLength } from './sealed-value-form.ts';
import { type ApprovalStatement, areAscending, compareVersions, statementHash } from './statement.ts';

/** The share of one version of a value. */
export interface ValueShare {
  readonly name: string;
  readonly version: number;
  /** 32 bytes, which its holder zeroes. */
  readonly share: Bytes;
}

const secretLength = 32;
const handleLength = 32;

/**
 * The key to which a device seals shares. The broker derives it when it asks, and again when the agent repeats the request
 * with the handle. The caller zeroes the secret.
 * @param secret 32 random bytes that the broker keeps for this approval, encrypted
 * @throws RangeError for another length
 */
export function deriveRequestKey(
  { org, approval }: Pick<ApprovalStatement, 'org' | 'approval'>,
  secret: Uint8Array,
  handle: Uint8Array,
): X25519KeyPair {
  if (secret.length !== secretLength || handle.length !== handleLength)
    throw new RangeError('not a secret and a handle');
  const input = concatBytes(secret, handle);
  const info = encodeFieldBytes('anima:approval-request-key:v1', org, approval);
  const derived = hkdfSha256(input, new Uint8Array(0), info, 32);
  input.fill(0);
  return { secret: derived, key: x25519PublicKey(derived) };
}

const sharesInfo = (
  { org, approval }: Pick<ApprovalStatement, 'org' | 'approval'>,
  statement: Uint8Array,
  device: string,
) => encodeFieldBytes('anima:approval-shares:v1', org, approval, statementHash(statement), device);

/** The hash by which an answer names its shares. */
export const sharesHash = (shares: Uint8Array): Bytes => blake2b256(shares);

/**
 * Seals shares to the request key of a statement.
 * @param statement the bytes that the broker signed
 * @param device that answers
 * @throws RangeError if the statement has no request key
 */
export async function sealShares(
  facts: Pick<ApprovalStatement, 'org' | 'approval' | 'requestKey'>,
  statement: Uint8Array,
  device: string,
  shares: readonly ValueShare[],
): Promise<Bytes> {
  if (facts.requestKey === undefined) throw new RangeError('the question asks for no shares');
  const items = shares
    .toSorted(compareVersions)
    .map(({ name, version, share }) => encodeFieldBytes(name, u32Bytes(version), share));
  const text = encodeFieldBytes(...items);
  try {
    return await sealHpke(facts.requestKey, sharesInfo(facts, statement, device), text);
  } finally {
    for (const bytes of [...items, text]) bytes.fill(0);
  }
}

/**
 * Opens the shares of an answer. The caller zeroes them.
 * @param secret of the request key
 * @throws DecryptionError for every cause
 */
export async function openShares(
  facts: Pick<ApprovalStatement, 'org' | 'approval'>,
  statement: Uint8Array,
  device: string,
  secret: Uint8Array,
  sealed: Uint8Array,
): Promise<readonly ValueShare[]> {
  const text = await openHpke(secret, sharesInfo(facts, statement, device), sealed);
  try {
    const shares = decodeFieldBytes(text)?.map(parseShare);
    if (shares === undefined || shares.length === 0 || shares.length > maxApprovalValues) throw new DecryptionError();
    if (!shares.every((one) => one !== undefined)) throw new DecryptionError();
    if (!areAscending(shares)) throw new DecryptionError();
    return shares;
  } finally {
    text.fill(0);
  }
}

function parseShare(bytes: Bytes): ValueShare | undefined {
  const parts = decodeFieldBytes(bytes);
  const [name, version] = [decodeTextField(parts?.[0]), decodeU32Field(parts?.[1])];
  const share = fieldOfLength(parts?.[2], shareLength);
  if (parts?.length !== 3 || name === undefined || version === undefined || share === undefined) return undefined;
  return { name, version, share };
}

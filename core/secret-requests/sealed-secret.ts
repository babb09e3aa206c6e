/** The secret that a person types, sealed to the key of a request (docs/secret-requests.md, section 6). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField } from '../encoding/field-reader.ts';
import { pad } from '../encoding/padding.ts';
import { openHpke, sealHpke } from '../hazmat/hpke.ts';
import type { SecretRequestId } from './request-link.ts';

/** What the page shows. A sealed secret is bound to it. */
export interface SealedSecretContext extends SecretRequestId {
  readonly name: string;
  readonly why: string;
  readonly replace: boolean;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** A secret with the rules that its owner chose, as metadata entries. */
export interface TypedSecret {
  readonly value: string;
  readonly rules: Readonly<Record<string, string>>;
}

const sealInfo = ({ org, id, name, why, replace, createdAt, expiresAt }: SealedSecretContext): Bytes =>
  encodeFieldBytes(
    'anima:secret-request:v1:seal',
    ...[org, id, name, why, replace ? 'replace' : 'create', createdAt, expiresAt],
  );

/** Seals a secret. @param publicKey from the fragment of the link */
export async function sealTypedSecret(
  publicKey: Uint8Array,
  context: SealedSecretContext,
  { value, rules }: TypedSecret,
): Promise<Bytes> {
  const content = encodeFieldBytes(value, ...Object.entries(rules).flat());
  const framed = encodeFieldBytes(content);
  const plaintext = pad(framed);
  try {
    return await sealHpke(publicKey, sealInfo(context), plaintext);
  } finally {
    for (const bytes of [content, framed, plaintext]) bytes.fill(0);
  }
}

/**
 * Opens a sealed secret.
 * @param privateKey X25519 private key of the request, 32 bytes
 * @throws DecryptionError if it was sealed to another key or for another request, or does not have the documented form
 */
export async function openTypedSecret(
  privateKey: Uint8Array,
  context: SealedSecretContext,
  sealed: Uint8Array,
): Promise<TypedSecret> {
  const plaintext = await openHpke(privateKey, sealInfo(context), sealed);
  try {
    return parseContent(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

function parseContent(plaintext: Bytes): TypedSecret {
  if (plaintext.length < 4) throw new DecryptionError();
  const length = new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(0);
  const end = 4 + length;
  if (end > plaintext.length || plaintext.subarray(end).some((byte) => byte !== 0)) throw new DecryptionError();
  const texts = decodeFieldBytes(plaintext.subarray(4, end))?.map(decodeTextField) ?? [];
  const [value, ...entries] = texts;
  if (value === undefined || entries.length % 2 !== 0) throw new DecryptionError();
  const rules = new Map<string, string>();
  for (let at = 0; at < entries.length; at += 2) {
    const [key, text] = [entries[at], entries[at + 1]];
    if (key === undefined || text === undefined || rules.has(key)) throw new DecryptionError();
    rules.set(key, text);
  }
  return { value, rules: Object.fromEntries(rules) };
}

/** The tokens of a record, sealed with the DEK of the org (docs/format.md, section 4). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import { isUsableValue } from '../../egress/rules/usage-rules.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { TokenRecord } from './broker-ports.ts';

export interface KeptTokens {
  readonly accessToken: string;
  /** Some time before its end, milliseconds since 1970. */
  readonly usedUntil: number;
  /** The access token before this one. Hosts can repeat it. */
  readonly previous?: string | undefined;
  /** A refresh token that the provider issued with the access token. */
  readonly refreshToken?: string | undefined;
}

const sealContext = (org: string, id: string, basis: string, pending: boolean): SealContext => [
  'broker.tokens',
  org,
  id,
  basis,
  pending ? 'pending' : 'stored',
];

export function sealTokens(keys: OpenKeyring, id: string, basis: string, pending: boolean, tokens: KeptTokens): string {
  if (keys.active === undefined) throw new Error('tokens are sealed for an org without values');
  const context = sealContext(keys.keyring.org, id, basis, pending);
  return seal(keys.active, context, Buffer.from(JSON.stringify(tokens), 'utf8'));
}

/** @throws DecryptionError, also if the record has none */
export async function openTokens(keys: OpenKeyring, id: string, record: TokenRecord): Promise<KeptTokens> {
  const { sealed, sealedBasis, pending } = record;
  if (sealed === undefined || sealedBasis === undefined) throw new DecryptionError();
  const dek = await keys.dekOf(sealed);
  // Authenticated, so it is exactly what sealTokens wrote.
  return JSON.parse(open(dek, sealContext(dek.org, id, sealedBasis, pending === true), sealed).toString('utf8'));
}

/** The texts that responses are searched for. */
export const searchedTexts = ({ accessToken, previous, refreshToken }: KeptTokens): string[] =>
  [accessToken, previous, refreshToken].flatMap((text) => (text !== undefined && isUsableValue(text) ? [text] : []));

/**
 * What KMS computes HMACs of (docs/format.md, section 12). Three keys, which never leave KMS: of the custody key comes what opens slots of
 * identities, of the code key what opens those of passwords and codes, of the routing key what finds them all. So who may look for a
 * user can't thereby open anything, and who may check passwords can't open by a name alone.
 */
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import type { UserRef } from './user-root-key.ts';

/** For the custody key: the MAC is the secret of an `identity` slot. */
export function identityMacInput(org: string, identity: string): Buffer {
  // These are found like identities, and open by more than their name: no slot may open by that alone.
  if (/^(?:login|link):/.test(identity)) throw new RangeError('a login or a code is no identity');
  return encodeLengthPrefixedFields('anima:identity:v1:kek', org, identity);
}

/**
 * For the code key: the MAC is the secret of a `password` slot. So whoever has a copy of the table and not the use of the key can't
 * even try out passwords.
 * @param stretched the password by Argon2id, 32 bytes
 */
export const passwordMacInput = ({ org, user }: UserRef, slot: string, stretched: Uint8Array): Buffer =>
  encodeLengthPrefixedFields('anima:password:v1:kek', org, user, slot, stretched);

/** For the code key: the MAC is the secret of a `link` slot. @param code as {@link parseLinkCode} gives it */
export const linkCodeMacInput = (org: string, code: string): Buffer =>
  encodeLengthPrefixedFields('anima:link:v1:kek', org, code);

/** For the routing key: the MAC, in base64url, is the locator. @param name an identity, a login, or `link:` and the handle of a code */
export const locatorMacInput = (org: string, name: string): Buffer =>
  encodeLengthPrefixedFields('anima:identity:v1:locator', org, name);

/**
 * The inputs for HMACs that KMS computes (docs/format.md, section 12). Three keys never leave KMS. The custody key
 * computes the secrets of identity slots. The code key computes the secrets of password and link code slots. The
 * routing key computes the locators of all of these. A function that can find users therefore cannot open slots with
 * that permission, and a function that can check passwords cannot open identity slots, which need only a name.
 */
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import type { UserRef } from './user-root-key.ts';

/**
 * For the custody key: the MAC is the secret of an `identity` slot.
 * @throws RangeError for a login or a link code handle
 */
export function identityMacInput(org: string, identity: string): Buffer {
  // Logins and codes are looked up like identities, but the name alone must not open their slots. With an identity MAC,
  // it would.
  if (/^(?:login|link):/.test(identity)) throw new RangeError('a login or a code is not an identity');
  return encodeLengthPrefixedFields('anima:identity:v1:kek', org, identity);
}

/**
 * For the code key: the MAC is the secret of a `password` slot. An attacker who has a copy of the table but cannot use
 * the key therefore cannot test passwords.
 * @param stretched output of Argon2id for the password, 32 bytes
 */
export const passwordMacInput = ({ org, user }: UserRef, slot: string, stretched: Uint8Array): Buffer =>
  encodeLengthPrefixedFields('anima:password:v1:kek', org, user, slot, stretched);

/**
 * For the code key: the MAC is the secret of a `link` slot.
 * @param code as returned by `parseLinkCode`
 */
export const linkCodeMacInput = (org: string, code: string): Buffer =>
  encodeLengthPrefixedFields('anima:link:v1:kek', org, code);

/**
 * For the routing key: the MAC, in base64url, is the locator.
 * @param name an identity, a login, or `link:` and the handle of a code
 */
export const locatorMacInput = (org: string, name: string): Buffer =>
  encodeLengthPrefixedFields('anima:identity:v1:locator', org, name);

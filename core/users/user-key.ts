/** User keys (docs/format.md, section 12). Pure JavaScript, so that clients can create and check them. */
import { formatAnyKey, parseAnyKey } from '../api-keys/api-key.ts';

export interface UserKey {
  /** Ids of the organization and of the user, opaque. */
  readonly org: string;
  readonly user: string;
  /** 43 characters of base62: 32 random bytes. */
  readonly secret: string;
}

/**
 * `anm_<org>_u<user>_<secret><checksum>`: one character longer than an API key, so that neither is accepted as the
 * other.
 */
export const formatUserKey = ({ org, user, secret }: UserKey): string => formatAnyKey(org, `u${user}`, secret);

/** Parses a user key. Returns undefined when its form or checksum is wrong, which means that it was never issued. */
export function parseUserKey(text: string): UserKey | undefined {
  const { org, id, secret } = parseAnyKey(text) ?? {};
  if (org === undefined || id === undefined || secret === undefined) return undefined;
  return /^u[0-9a-z]{16}$/.test(id) ? { org, user: id.slice(1), secret } : undefined;
}

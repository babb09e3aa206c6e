/** The token in a session cookie (docs/format.md, section 12). */
import { fromBase64Url, toBase64Url } from '../encoding/bytes.ts';

/** The token of a session: the location of its slot, and the secret that opens the slot. */
export interface SessionToken {
  readonly org: string;
  readonly user: string;
  readonly slot: string;
  /** 32 bytes; the caller of {@link parseSessionToken} zeroes them. */
  readonly secret: Uint8Array;
}

const sessionTokenPattern = /^([0-9a-z]{16})\.([0-9a-z]{16})\.([0-9a-z]{16})\.([A-Za-z0-9_-]{43})$/;

/** `<org>.<user>.<slot>.<base64url of the secret>` */
export const formatSessionToken = ({ org, user, slot, secret }: SessionToken): string =>
  `${org}.${user}.${slot}.${toBase64Url(secret)}`;

/** The inverse of {@link formatSessionToken}. Returns undefined for any other text. */
export function parseSessionToken(text: string): SessionToken | undefined {
  const [, org, user, slot, encoded] = sessionTokenPattern.exec(text) ?? [];
  if (org === undefined || user === undefined || slot === undefined || encoded === undefined) return undefined;
  const secret = fromBase64Url(encoded);
  return secret === undefined ? undefined : { org, user, slot, secret };
}

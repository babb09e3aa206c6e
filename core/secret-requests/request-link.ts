/** Links of requests for a secret (docs/secret-requests.md, section 4): `<page>/s/<org><id>#<secret and public key>`. */
import { type Bytes, concatBytes, fromBase64Url, toBase64Url } from '../encoding/bytes.ts';

/** Identifies a request: both ids have 16 characters. */
export interface SecretRequestId {
  readonly org: string;
  readonly id: string;
}

/** What the fragment of a link holds. */
export interface SecretLinkKeys {
  /** 32 bytes, from which the proofs are computed. */
  readonly secret: Bytes;
  /** X25519 public key to which the page seals, 32 bytes. */
  readonly publicKey: Bytes;
}

export const linkSecretLength = 32;
const keyLength = 32;
/** Length of both in base64url without padding. */
const fragmentLength = 86;

const linkPattern = /^([0-9a-z]{16})([0-9a-z]{16})$/;

export const formatSecretLinkId = ({ org, id }: SecretRequestId): string => org + id;

/** Parses the path part of a link. Returns undefined when it does not have the form of one. */
export function parseSecretLinkId(link: string): SecretRequestId | undefined {
  const [, org, id] = linkPattern.exec(link) ?? [];
  return org === undefined || id === undefined ? undefined : { org, id };
}

/** @param pageUrl URL of the page, without a slash at the end */
export const formatSecretLink = (pageUrl: string, request: SecretRequestId, keys: SecretLinkKeys): string =>
  `${pageUrl}/s/${formatSecretLinkId(request)}#${toBase64Url(concatBytes(keys.secret, keys.publicKey))}`;

/**
 * Parses a fragment, with or without `#`. Ignores punctuation behind it, which chats and people add. Returns undefined
 * when it does not have the form of one.
 */
export function parseSecretFragment(fragment: string): SecretLinkKeys | undefined {
  const text = fragment.replace(/^#/, '');
  const bytes = fromBase64Url(text.slice(0, fragmentLength));
  if (bytes?.length !== linkSecretLength + keyLength || !/^[\p{P}\p{Z}\p{C}<>|]*$/u.test(text.slice(fragmentLength)))
    return undefined;
  return { secret: bytes.slice(0, linkSecretLength), publicKey: bytes.slice(linkSecretLength) };
}

/** Links of blobs (docs/format.md, section 10): `<page>/b/<org><id><locator>#<key>`. */

import { type Bytes, fromBase64Url, toBase64Url } from '../encoding/bytes.ts';
import { isTimeId } from '../encoding/time-ordered-id.ts';
import type { BlobId } from './blob-format.ts';
import { fragmentKeyLength } from './blob-key-derivation.ts';

/** A link without its key: the blob and one of its locators. */
export interface LinkId extends BlobId {
  /** 16 characters, replaced when the link is revoked. */
  readonly locator: string;
}

/** A link with its key. */
export interface BlobLink extends LinkId {
  readonly link: string;
  readonly key: Bytes;
}

/** A link with its key, and the origin of its page. */
export interface ParsedLinkUrl extends BlobLink {
  readonly origin: string;
}

const linkIdPattern = /^([0-9a-z]{16})([0-9a-z]{26})([0-9a-z]{16})$/;

export const formatLinkId = ({ org, id, locator }: LinkId): string => org + id + locator;

/** Parses the path part of a link. Returns undefined when it does not have the form of one. */
export function parseLinkId(link: string): LinkId | undefined {
  const [, org, id, locator] = linkIdPattern.exec(link) ?? [];
  if (org === undefined || id === undefined || locator === undefined || !isTimeId(id)) return undefined;
  return { org, id, locator };
}

/**
 * The complete URL of a link.
 * @param url URL of the page with the link, without a fragment
 */
export const formatLinkUrl = (url: string, key: Uint8Array): string => `${url}#${toBase64Url(key)}`;

/** Length of a key in base64url without padding. */
const keyTextLength = 43;
/**
 * Text that mail programs, chats and people leave behind a link: punctuation, brackets, quotation marks, spaces and
 * invisible characters, and the part after `:~:` that browsers add for a marked text.
 */
const afterLink = /^(?:[\p{P}\p{Z}\p{C}\p{M}<>|`~^´]*|:~:.*)$/su;
const beforeLink = /^[\p{P}\p{Z}\p{C}<>|`~^´]+/u;

/**
 * Parses the key in a fragment, with or without `#`. Ignores punctuation behind it. Returns undefined when it does not
 * have the form of one.
 */
export function parseFragmentKey(fragment: string): Bytes | undefined {
  const text = fragment.replace(/^#/, '');
  const key = fromBase64Url(text.slice(0, keyTextLength));
  return key?.length === fragmentKeyLength && afterLink.test(decodePercent(text.slice(keyTextLength)))
    ? key
    : undefined;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Parses the URL of a link on any page. Ignores punctuation around it. Returns undefined when the path has no link, the
 * fragment has no key, or the URL has credentials.
 */
export function parseLinkUrl(address: string): ParsedLinkUrl | undefined {
  const text = address.replace(beforeLink, '');
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname, hash, username, password } = new URL(text);
  const [, link = ''] = /\/b\/([^/]+)$/.exec(pathname) ?? [];
  const [parsed, key] = [parseLinkId(link), parseFragmentKey(hash)];
  if (parsed === undefined || key === undefined || username !== '' || password !== '') return undefined;
  return { ...parsed, link, key, origin };
}

/** Parses the link of a URL with or without a key. Ignores punctuation around it. Returns undefined when it has none. */
export function parseLinkPath(address: string): string | undefined {
  const text = address.replace(beforeLink, '');
  if (!URL.canParse(text)) return undefined;
  const [, link = '', rest = ''] = /\/b\/([0-9a-z]+)([^/]*)$/.exec(new URL(text).pathname) ?? [];
  return parseLinkId(link) !== undefined && afterLink.test(decodePercent(rest)) ? link : undefined;
}

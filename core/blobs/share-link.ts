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

/** Parses the key in a fragment, with or without `#`. Returns undefined when it does not have the form of one. */
export function parseFragmentKey(fragment: string): Bytes | undefined {
  const key = fromBase64Url(fragment.replace(/^#/, ''));
  return key?.length === fragmentKeyLength ? key : undefined;
}

/**
 * Parses the URL of a link on any page. Returns undefined when the path has no link, the fragment has no key, or the
 * URL has credentials.
 */
export function parseLinkUrl(address: string): (BlobLink & { readonly origin: string }) | undefined {
  if (!URL.canParse(address)) return undefined;
  const { origin, pathname, hash, username, password } = new URL(address);
  const [, link = ''] = /\/b\/([^/]+)$/.exec(pathname) ?? [];
  const [parsed, key] = [parseLinkId(link), parseFragmentKey(hash)];
  if (parsed === undefined || key === undefined || username !== '' || password !== '') return undefined;
  return { ...parsed, link, key, origin };
}

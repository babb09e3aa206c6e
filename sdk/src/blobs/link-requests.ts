/** Requests about links. Loaded on first use. */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { Link, LookAtLinkResponse, RelinkBlobResponse } from '../../../contract/blobs/wire.ts';
import { formatLinkUrl, parseLinkId, parseLinkPath, parseLinkUrl } from '../../../core/blobs/share-link.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import {
  type Decoder,
  decodeBoolean,
  decodeNumber,
  decodeObject,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import { isHttpsOrLoopback } from '../shared/url.ts';
import { checkBlobId } from './blob-requests.ts';

export const linkInfoFields = {
  size: decodeNumber,
  createdAt: decodeText,
  expiresAt: optional(decodeText),
  openingsLeft: optional(decodeNumber),
  burn: decodeBoolean,
};
export const decodeLinkInfo = decodeObject<LookAtLinkResponse>(linkInfoFields);

export const linkFields = { link: decodeText, url: decodeText };

/**
 * Wraps a decoder so that it accepts only a response whose link belongs to the blob `id` (any blob if `id` is
 * undefined) and whose address is safe for appending the key, because anyone who opens the link is sent to that
 * address.
 */
export function withValidLink<T extends Link & { id: string }>(decode: Decoder<T>, id?: string): Decoder<T> {
  return (json) => {
    const read = decode(json);
    if (read === undefined || parseLinkId(read.link)?.id !== read.id || (id !== undefined && read.id !== id))
      return undefined;
    if (!URL.canParse(read.url)) return undefined;
    const url = new URL(read.url);
    const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    return bare && isHttpsOrLoopback(url) && !read.url.includes('#') && url.pathname.endsWith(`/b/${read.link}`)
      ? read
      : undefined;
  };
}

const decodeReplacedLink = decodeObject<RelinkBlobResponse>({ id: decodeText, ...linkFields });

/** Returns the facts about a link. @throws AnimaError */
export async function requestLinkInfo(
  transport: Transport,
  url: string,
  options: CallOptions,
): Promise<LookAtLinkResponse> {
  const call = { route: blobRoutes.lookAtLink, link: checkLinkPath(url) } as const;
  return transport.request(call, transport.callSettings(options), decodeLinkInfo);
}

/** Creates a new link with the key of the old one. @throws AnimaError */
export async function requestLinkReplacement(
  transport: Transport,
  id: string,
  oldUrl: string | undefined,
  options: CallOptions,
): Promise<RelinkBlobResponse> {
  checkBlobId(id);
  const old = oldUrl === undefined ? undefined : parseLinkUrl(oldUrl);
  if (oldUrl !== undefined && old?.id !== id)
    throw notSentError('invalid_link', 'oldUrl must be a link of that blob, with its key');
  const call = { route: blobRoutes.relinkBlob, id, body: {} } as const;
  const relinked = await transport.request(
    call,
    transport.callSettings(options),
    withValidLink(decodeReplacedLink, id),
  );
  return old === undefined ? relinked : { ...relinked, url: formatLinkUrl(relinked.url, old.key) };
}

/** Extracts the link from an address with or without a key. @throws AnimaError invalid_link */
function checkLinkPath(address: unknown): string {
  const link = typeof address === 'string' ? parseLinkPath(address) : undefined;
  if (link === undefined) throw notSentError('invalid_link', 'its path must end in /b/ and 58 characters');
  return link;
}

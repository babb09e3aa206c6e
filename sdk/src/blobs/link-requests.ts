/** What is asked and told about links. Loaded when first needed. */
import type { Link, LookAtLinkResponse, RelinkBlobResponse } from '../../../contract/blobs/wire.ts';
import { formatLinkUrl, parseLink, parseLinkUrl } from '../../../core/blobs/share-link.ts';
import type { Transport } from '../http/transport.ts';
import { refused } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { flag, number, object, optional, type Reader, text } from '../shared/json-decoders.ts';
import { isSecure } from '../shared/url.ts';

export const lookFields = {
  size: number,
  createdAt: text,
  expiresAt: optional(text),
  openingsLeft: optional(number),
  burn: flag,
};
export const decodeLook = object<LookAtLinkResponse>(lookFields);

export const linkFields = { link: text, url: text };

/**
 * A reader that takes only an answer whose link is of the blob `id`, or of any when not told, at an address fit for a key to be
 * appended to: whoever opens it is led there.
 */
export function linking<T extends Link & { id: string }>(decode: Reader<T>, id?: string): Reader<T> {
  return (json) => {
    const read = decode(json);
    if (read === undefined || parseLink(read.link)?.id !== read.id || (id !== undefined && read.id !== id))
      return undefined;
    if (!URL.canParse(read.url)) return undefined;
    const url = new URL(read.url);
    const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    return bare && isSecure(url) && !read.url.includes('#') && url.pathname.endsWith(`/b/${read.link}`)
      ? read
      : undefined;
  };
}

const decodeRelinked = object<RelinkBlobResponse>({ id: text, ...linkFields });

/** What a link leads to. @throws AnimaError */
export async function look(transport: Transport, url: string, options: CallOptions): Promise<LookAtLinkResponse> {
  const call = { route: 'lookAtLink', link: checkLink(url) } as const;
  return transport.request(call, transport.settings(options), decodeLook);
}

/** A new link for a blob whose id was checked, with the key of the old one. @throws AnimaError */
export async function relink(
  transport: Transport,
  id: string,
  oldUrl: string | undefined,
  options: CallOptions,
): Promise<RelinkBlobResponse> {
  const old = oldUrl === undefined ? undefined : parseLinkUrl(oldUrl);
  if (oldUrl !== undefined && old?.id !== id)
    throw refused('invalid_link', 'oldUrl is no link of that blob with its key');
  const call = { route: 'relinkBlob', id, body: {} } as const;
  const relinked = await transport.request(call, transport.settings(options), linking(decodeRelinked, id));
  return old === undefined ? relinked : { ...relinked, url: formatLinkUrl(relinked.url, old.key) };
}

/** The link of an address, with or without a key. @throws AnimaError invalid_link */
function checkLink(address: unknown): string {
  const path = typeof address === 'string' && URL.canParse(address) ? new URL(address).pathname : '';
  const [, link = ''] = /\/b\/([^/]+)$/.exec(path) ?? [];
  if (parseLink(link) === undefined)
    throw refused('invalid_link', 'it must be an address that ends in /b/ and 58 characters');
  return link;
}

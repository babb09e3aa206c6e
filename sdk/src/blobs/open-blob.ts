import { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { type AnimaOptions, anonymousSettings } from '../shared/client-options.ts';
import { isHttpsOrLoopback } from '../shared/url.ts';
import type { GetBlobOptions } from './blob-types.ts';
import type { OpenedBlob } from './opened-blob.ts';

/** Options for opening a link without an API key. */
export type OpenBlobOptions = GetBlobOptions & Pick<AnimaOptions, 'fetch' | 'userAgent'>;

/**
 * Opens a link as a recipient, without an API key. Works like `client.blobs.get`, but sends its requests to the
 * origin of the link, which must be https or this machine. The sender of the link chooses that origin, so the origin
 * learns when and from where the link is opened, but not its key.
 * @throws AnimaError as `client.blobs.get`, and insecure_url
 */
export async function openBlob(url: string, options: OpenBlobOptions = {}): Promise<OpenedBlob> {
  const { fetch, userAgent, ...getOptions } = options;
  const { downloadBlob, parseLinkArgument } = await import('./link-download.ts');
  const link = parseLinkArgument(url);
  link.key.fill(0);
  if (!isHttpsOrLoopback(new URL(link.origin)))
    throw notSentError('insecure_url', 'the link must be https, or http to 127.0.0.0/8, [::1] or localhost');
  const transport = new Transport(
    anonymousSettings(link.origin, options, ['fetch', 'userAgent', 'onProgress', 'burn']),
  );
  return await downloadBlob(transport, url, getOptions);
}

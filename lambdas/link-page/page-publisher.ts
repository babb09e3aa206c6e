/** The page that opens links, put where CloudFront finds it: a deployment calls for it, since CloudFormation can't make objects. */

import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';

export interface PageStore {
  /** Puts a page in the place of whatever was there under that key. */
  put(key: string, html: Uint8Array): Promise<void>;
}

/** As lib/link-page/link-page.ts writes it: the key of the object, and the page compressed (RFC 1950), in base64. */
interface PublishedPage {
  readonly Key: string;
  readonly Content: string;
}

/** A permission that was given in the same deployment takes seconds to be everywhere. */
const retryDelaysMs = [1000, 2000, 4000];

/**
 * Stores a page, and tries again where it is refused.
 * @throws Error when the content is none, or S3 still refuses: nothing was stored, or what was is whole
 */
export async function putPageWithRetry(
  pages: PageStore,
  { Key, Content }: PublishedPage,
  retryDelays: readonly number[] = retryDelaysMs,
): Promise<void> {
  const html = inflateSync(Buffer.from(Content, 'base64'));
  for (const wait of retryDelays) {
    try {
      return await pages.put(Key, html);
    } catch {
      await sleep(wait);
    }
  }
  await pages.put(Key, html);
}

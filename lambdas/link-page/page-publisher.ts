/**
 * Stores the page that opens links where CloudFront serves it. A deployment invokes this, because CloudFormation cannot
 * create S3 objects.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';

export interface PageStore {
  /** Stores a page under a key and replaces any existing one. */
  put(key: string, html: Uint8Array): Promise<void>;
}

/** As written by lib/link-page/link-page.ts: the object key and the page, compressed (RFC 1950) and base64-encoded. */
interface PublishedPage {
  readonly Key: string;
  readonly Content: string;
}

/** Retry delays in milliseconds. Permissions granted in the same deployment take seconds to become effective. */
const retryDelaysMs = [1000, 2000, 4000];

/**
 * Stores a page, with retries.
 * @throws Error if the content is malformed or S3 still refuses; a page is never stored partially
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

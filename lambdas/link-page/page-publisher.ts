/**
 * Stores the pages where CloudFront serves them. A deployment invokes this, because CloudFormation cannot create S3
 * objects.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';

export interface PageStore {
  /** Stores a file under a key and replaces any existing one. */
  put(key: string, type: string, content: Uint8Array): Promise<void>;
}

/** As written by lib/link-page/page-publication.ts: object keys, media types, and contents, compressed (RFC 1950) and base64-encoded. */
interface PublishedFiles {
  readonly Files: readonly { readonly Key: string; readonly Type: string; readonly Content: string }[];
}

/** Retry delays in milliseconds. Permissions granted in the same deployment take seconds to become effective. */
const retryDelaysMs = [1000, 2000, 4000];

/**
 * Stores the files of a page one after the other, with retries.
 * @throws Error if a content is malformed or S3 still refuses; no file is stored partially
 */
export async function putFilesWithRetry(
  pages: PageStore,
  { Files }: PublishedFiles,
  retryDelays: readonly number[] = retryDelaysMs,
): Promise<void> {
  const files = Files.map(({ Key, Type, Content }) => ({
    Key,
    Type,
    bytes: inflateSync(Buffer.from(Content, 'base64')),
  }));
  const delays = [...retryDelays];
  for (const { Key, Type, bytes } of files) await putWithRetry(() => pages.put(Key, Type, bytes), delays);
}

/** @param delays that are left for all files together; used ones are removed */
async function putWithRetry(put: () => Promise<void>, delays: number[]): Promise<void> {
  for (;;) {
    try {
      return await put();
    } catch (error) {
      const wait = delays.shift();
      if (wait === undefined) throw error;
      await sleep(wait);
    }
  }
}

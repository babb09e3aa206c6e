/**
 * Downloads ciphertext from storage as one stream across reconnects: an opening counts once, and its download can be
 * continued.
 */
import { LinkError, privateRequestInit } from './link-api.ts';

/** Time without data after which a connection counts as broken, milliseconds. */
const stallTimeoutMs = 60_000;
/** Automatic reconnects before the user is asked. */
const maxReconnects = 3;

export interface DownloadOptions {
  readonly url: string;
  /** Called with the number of bytes received. */
  readonly onBytes: (bytes: number) => void;
  /**
   * Called if the connection stays broken or storage returns an unexpected response. The download continues when the
   * promise resolves.
   */
  readonly onBroken: (trouble: 'offline' | 'unavailable') => Promise<void>;
}

/** Yields the bytes of the object. @throws LinkError gone, lapsed */
export async function* downloadCiphertext({
  url,
  onBytes,
  onBroken,
}: DownloadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  let trouble: 'offline' | 'unavailable' = 'offline';
  for (let failures = 0; ; ) {
    const connection = createConnection();
    try {
      for (let bytes = await connection.begin(url, at); bytes !== undefined; bytes = await connection.next()) {
        at += bytes.length;
        failures = 0;
        onBytes(at);
        yield bytes;
      }
      return;
    } catch (error) {
      if (error instanceof LinkError) throw error;
      failures += 1;
      trouble = error instanceof UnexpectedStorageResponse ? 'unavailable' : 'offline';
    } finally {
      connection.end();
    }
    if (failures < maxReconnects) await delay(failures * 1000);
    else {
      await onBroken(trouble);
      failures = 0;
    }
  }
}

interface Connection {
  /** Requests the object from an offset. Resolves to the first bytes, or undefined if there are none. */
  begin(url: string, at: number): Promise<Uint8Array | undefined>;
  next(): Promise<Uint8Array | undefined>;
  end(): void;
}

/** Creates a connection for one request. It is aborted if no data arrives for too long. */
function createConnection(): Connection {
  const controller = new AbortController();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const withStallTimeout = async <T>(waiting: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => controller.abort(), stallTimeoutMs);
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  };
  const next = async () => (reader === undefined ? undefined : (await withStallTimeout(reader.read())).value);
  return {
    next,
    end: () => controller.abort(),
    begin: async (url, at) => {
      const headers: HeadersInit = at === 0 ? {} : { range: `bytes=${at}-` };
      const response = await withStallTimeout(
        fetch(url, { ...privateRequestInit, headers, signal: controller.signal }),
      );
      // No bytes remain after this offset. Decryption detects whether the file is complete.
      if (at > 0 && response.status === 416) return undefined;
      checkStorageResponse(response, at);
      reader = response.body?.getReader();
      return await next();
    },
  };
}

/** Storage responded with something other than the requested bytes. */
class UnexpectedStorageResponse extends Error {}

/** @throws LinkError for permanent failures, UnexpectedStorageResponse for failures that a retry may fix */
function checkStorageResponse(response: Response, at: number): void {
  const { status } = response;
  // Without list permission, S3 returns 403 for missing objects.
  if (status === 404 || (status === 403 && at === 0)) throw new LinkError('gone');
  // 400 if the AWS session that signed the URL has ended.
  if (status === 403 || status === 400) throw new LinkError('lapsed');
  const range = response.headers.get('content-range');
  const continues = status === 206 && (range === null || range.startsWith(`bytes ${at}-`));
  if (at === 0 ? status !== 200 : !continues) throw new UnexpectedStorageResponse(`HTTP ${status}`);
}

/** Resolves after `ms` milliseconds. */
export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

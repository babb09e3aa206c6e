/** Ciphertext from storage, in one stream however often the connection breaks: an opening counts once, a download may be continued. */
import { LinkError, privateRequestInit } from './link-api.ts';

/** Milliseconds without a byte after which a connection counts as broken. */
const stallTimeoutMs = 60_000;
/** Times that a broken connection is taken up again before anyone is asked. */
const maxReconnects = 3;

export interface DownloadOptions {
  readonly url: string;
  /** Told how many bytes have arrived. */
  readonly onBytes: (bytes: number) => void;
  /** Asked when the connection stays broken, or storage does not answer as it should; the download goes on when it resolves. */
  readonly onBroken: (trouble: 'offline' | 'unavailable') => Promise<void>;
}

/** The bytes of the object. @throws Refusal gone, lapsed */
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
  /** The first bytes from there on; undefined when there are none. */
  begin(url: string, at: number): Promise<Uint8Array | undefined>;
  next(): Promise<Uint8Array | undefined>;
  end(): void;
}

/** One request, which ends when nothing comes for too long. */
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
      // Nothing is left from there on: whether that is the end, decryption knows.
      if (at > 0 && response.status === 416) return undefined;
      checkStorageResponse(response, at);
      reader = response.body?.getReader();
      return await next();
    },
  };
}

/** Storage answered, with something else than the bytes that were asked for. */
class UnexpectedStorageResponse extends Error {}

/** @throws Refusal for what no further attempt mends, OddAnswer for what it may */
function checkStorageResponse(response: Response, at: number): void {
  const { status } = response;
  // Without the right to list, S3 says 403 of what is not there.
  if (status === 404 || (status === 403 && at === 0)) throw new LinkError('gone');
  // 400 when the session that signed the address has ended.
  if (status === 403 || status === 400) throw new LinkError('lapsed');
  const range = response.headers.get('content-range');
  const continues = status === 206 && (range === null || range.startsWith(`bytes ${at}-`));
  if (at === 0 ? status !== 200 : !continues) throw new UnexpectedStorageResponse(`HTTP ${status}`);
}

/** Resolves after so many milliseconds. */
export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

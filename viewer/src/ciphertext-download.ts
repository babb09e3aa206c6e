/** Ciphertext from storage, in one stream however often the connection breaks: an opening counts once, a download may be continued. */
import { bare, Refusal } from './link-api.ts';

/** Milliseconds without a byte after which a connection counts as broken. */
const patience = 60_000;
/** Times that a broken connection is taken up again before anyone is asked. */
const attempts = 3;

export interface Download {
  readonly url: string;
  /** Told how many bytes have arrived. */
  readonly arrived: (bytes: number) => void;
  /** Asked when the connection stays broken, or storage does not answer as it should; the download goes on when it resolves. */
  readonly broken: (trouble: 'offline' | 'unavailable') => Promise<void>;
}

/** The bytes of the object. @throws Refusal gone, lapsed */
export async function* download({ url, arrived, broken }: Download): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  let trouble: 'offline' | 'unavailable' = 'offline';
  for (let failures = 0; ; ) {
    const connection = connect();
    try {
      for (let bytes = await connection.begin(url, at); bytes !== undefined; bytes = await connection.next()) {
        at += bytes.length;
        failures = 0;
        arrived(at);
        yield bytes;
      }
      return;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      failures += 1;
      trouble = error instanceof OddAnswer ? 'unavailable' : 'offline';
    } finally {
      connection.end();
    }
    if (failures < attempts) await pause(failures * 1000);
    else {
      await broken(trouble);
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
function connect(): Connection {
  const controller = new AbortController();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const inTime = async <T>(waiting: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => controller.abort(), patience);
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  };
  const next = async () => (reader === undefined ? undefined : (await inTime(reader.read())).value);
  return {
    next,
    end: () => controller.abort(),
    begin: async (url, at) => {
      const headers: HeadersInit = at === 0 ? {} : { range: `bytes=${at}-` };
      const response = await inTime(fetch(url, { ...bare, headers, signal: controller.signal }));
      // Nothing is left from there on: whether that is the end, decryption knows.
      if (at > 0 && response.status === 416) return undefined;
      check(response, at);
      reader = response.body?.getReader();
      return await next();
    },
  };
}

/** Storage answered, with something else than the bytes that were asked for. */
class OddAnswer extends Error {}

/** @throws Refusal for what no further attempt mends, OddAnswer for what it may */
function check(response: Response, at: number): void {
  const { status } = response;
  // Without the right to list, S3 says 403 of what is not there.
  if (status === 404 || (status === 403 && at === 0)) throw new Refusal('gone');
  // 400 when the session that signed the address has ended.
  if (status === 403 || status === 400) throw new Refusal('lapsed');
  const range = response.headers.get('content-range');
  const continues = status === 206 && (range === null || range.startsWith(`bytes ${at}-`));
  if (at === 0 ? status !== 200 : !continues) throw new OddAnswer(`HTTP ${status}`);
}

/** Resolves after so many milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

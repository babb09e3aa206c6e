/**
 * A client in a separate process, whose memory use is measured. `up LENGTH` uploads generated content. `down LENGTH
 * URL` downloads it and reads a range from its middle. Each prints one line of JSON.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { Anima, type Fetch, openBlob } from '../../sdk/src/index.ts';

interface Transfer {
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
  readonly seconds: number;
  /** Maximum resident memory of the process in bytes. */
  readonly resident: number;
}

export interface Sent extends Transfer {
  readonly url: string;
}

export interface Received extends Transfer {
  readonly size: number;
  /** SHA-256 of the range, as generated and as received. */
  readonly range: { readonly expected: string; readonly actual: string };
  /** First and last byte of each requested range of the object. */
  readonly asked: readonly (readonly [number, number])[];
}

const pieceLength = 65_536;
const stampEvery = 4096;
const [, , mode, lengthText, link = ''] = process.argv;
const length = Number(lengthText);

/**
 * Writes the piece with this number: random bytes with the number stamped into them, so that all pieces differ. The
 * buffer is reused, as in a client that reads a file. New buffers would accumulate until they are collected and distort
 * the measurement of the SDK's memory use.
 */
function piece(into: Buffer, number: number): Buffer {
  for (let at = 0; at < pieceLength; at += stampEvery) into.writeBigUInt64BE(BigInt(number * pieceLength + at), at);
  return into;
}

function noise(): Buffer {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(pieceLength));
}

const since = (started: number): number => (performance.now() - started) / 1000;
/** Node.js reports the value in KiB. */
const resident = (): number => process.resourceUsage().maxRSS * 1024;

async function up(): Promise<Sent> {
  const hash = createHash('sha256');
  async function* content(): AsyncGenerator<Uint8Array> {
    const buffer = noise();
    for (let number = 0; number * pieceLength < length; number++) {
      hash.update(piece(buffer, number));
      yield buffer;
    }
  }
  const started = performance.now();
  const { url } = await new Anima().blobs.put(content(), { type: 'application/octet-stream' });
  return { url, sha256: hash.digest('hex'), seconds: since(started), resident: resident() };
}

async function down(): Promise<Received> {
  const hash = createHash('sha256');
  const started = performance.now();
  const opened = await openBlob(link);
  let size = 0;
  for await (const { buffer, byteOffset, byteLength } of opened.stream) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    size += byteLength;
    // Frees the memory. If this is left to the garbage collector, fetch of Node.js alone holds 110 to 190 MB.
    buffer.transfer(0);
  }
  const seconds = since(started);
  return { sha256: hash.digest('hex'), size, seconds, ...(await range()), resident: resident() };
}

async function range(): Promise<Pick<Received, 'range' | 'asked'>> {
  const asked: [number, number][] = [];
  const watching: Fetch = (input, init) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get('range') ?? '') ?? [];
    if (from !== undefined) asked.push([Number(from), Number(to)]);
    return fetch(input, init);
  };
  // The range crosses the border of two chunks of 2^20 bytes. The first chunk starts with a description of 1024 bytes.
  const number = Math.floor(length / 2 ** 21) * 16 - 1;
  const start = number * pieceLength + 40_000;
  const got = await new Anima({ fetch: watching }).blobs.range(link, start, start + pieceLength);
  const both = Buffer.concat([piece(noise(), number), piece(noise(), number + 1)]);
  const hashed = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  return { range: { expected: hashed(both.subarray(40_000, 40_000 + pieceLength)), actual: hashed(got) }, asked };
}

process.stdout.write(`${JSON.stringify(mode === 'up' ? await up() : await down())}\n`);

/** Streamed blobs of `core`, and the minimum that node:crypto needs for the same: one AES-256-GCM stream. */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { newFragmentKey } from '../core/blobs/blob-key-derivation.ts';
import { BlobSealer, openBlob } from '../core/blobs/blob-stream.ts';
import { collectGroups, type PieceGroup } from '../core/blobs/byte-source.ts';
import type { Contender } from './contender.ts';

/** Size of the input pieces in bytes, as from a file or a socket. */
const pieceLength = 65_536;

function pieces(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength) all.push(bytes.subarray(at, at + pieceLength));
  return all;
}

/** Consumes a stream and returns its last piece. The benchmark uses it, so that no work can be optimized out. */
async function drain(groups: AsyncIterable<PieceGroup>): Promise<Uint8Array> {
  let last: Uint8Array = new Uint8Array(0);
  for await (const group of groups) for (const piece of group) last = piece;
  return last;
}

export const coreBlob: Contender = async (content) => {
  const key = newFragmentKey();
  const blob = { org: '0123456789abcdef', id: '01m7xpe6000123456789abcdef' };
  const description = { type: 'video/mp4', name: 'film.mp4', size: content.length };
  const sealer = () => BlobSealer.create(key, blob, description, 20);
  const source = pieces(content);
  const whole = Buffer.from(await collectGroups((await sealer()).seal(source)));
  const sealed = pieces(whole);
  const open = async () => (await openBlob(key, blob, sealed, whole.length)).content;
  return {
    name: 'core',
    seal: async () => drain((await sealer()).seal(source)),
    open: async () => drain(await open()),
    whole: async () => Buffer.from(await collectGroups(await open())),
  };
};

/** One stream with one nonce. No plaintext can be released before the end, and no part can be decrypted separately. */
export const wholeGcm: Contender = async (content) => {
  const key = createSecretKey(randomBytes(32));
  const nonce = randomBytes(12);
  const options = { authTagLength: 16 };
  const source = pieces(content);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, options);
  const sealed = source.map((piece) => cipher.update(piece));
  cipher.final();
  const tag = cipher.getAuthTag();
  const openAll = (): Buffer[] => {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, options).setAuthTag(tag);
    const opened = sealed.map((piece) => decipher.update(piece));
    decipher.final();
    return opened;
  };
  return {
    name: 'node:crypto',
    seal: () => {
      const again = createCipheriv('aes-256-gcm', key, randomBytes(12), options);
      let last = Buffer.alloc(0);
      for (const piece of source) last = again.update(piece);
      again.final();
      return Buffer.concat([last, again.getAuthTag()]);
    },
    open: () => openAll().at(-1) ?? Buffer.alloc(0),
    whole: async () => Buffer.concat(openAll()),
  };
};

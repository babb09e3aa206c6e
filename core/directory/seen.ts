/** Protection against the replay of a signed statement by one with a lower number. */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';

/** The newest statement of a kind that a reader accepted from one signer. The reader stores it. */
export interface Seen {
  /** Serial number, sequence number or version. */
  readonly number: number;
  readonly hash: Bytes;
}

/** Whether a statement has a lower number than the last one, or the same number and other bytes. */
export const isReplay = (last: Seen | undefined, next: Seen): boolean =>
  last !== undefined &&
  (next.number < last.number || (next.number === last.number && !equalBytes(next.hash, last.hash)));

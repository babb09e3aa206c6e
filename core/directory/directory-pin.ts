/** Pins, and the comparison of heads (docs/format-directory.md, section 4). */
import { type Bytes, encodeFieldBytes, equalBytes, u64Bytes } from '../encoding/bytes.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import type { DirectoryHead, DirectoryState } from './directory-state.ts';

/** What a client knows of the directory from elsewhere than the service: 32 bytes. */
export const directoryPin = ({ org, genesis, head }: Pick<DirectoryState, 'org' | 'genesis' | 'head'>): Bytes =>
  blake2b256(encodeFieldBytes('anima:directory-pin:v1', org, genesis, u64Bytes(head.seq), head.hash));

/**
 * How the head of somebody else relates to the own chain: `known` is in it; `ahead` is to be fetched, or the directory is
 * frozen; `forked` is a second directory; `older` is before the hashes that are stored.
 */
export type HeadRelation = 'known' | 'ahead' | 'forked' | 'older';

/**
 * Compares the head in a message with the own chain.
 * @param hashAt the stored hash of an earlier entry, or undefined
 */
export function compareHeads(
  { head }: Pick<DirectoryState, 'head'>,
  other: DirectoryHead,
  hashAt: (seq: number) => Uint8Array | undefined,
): HeadRelation {
  if (other.seq > head.seq) return 'ahead';
  const own = other.seq === head.seq ? head.hash : hashAt(other.seq);
  if (own === undefined) return 'older';
  return equalBytes(own, other.hash) ? 'known' : 'forked';
}

/**
 * The mark of a directory (docs/approvals.md, section 2): the highest head that the broker used. It is kept in a bucket
 * that a writer of the tables cannot reach.
 */
import { DecryptionError } from '../decryption-error.ts';
import { isCount } from '../encoding/stored-record-fields.ts';
import type { AuthenticationKey } from './authentication-key.ts';
import { markCodec } from './mark-codec.ts';

export interface DirectoryMark {
  readonly org: string;
  /** Hash of the first entry, and head: sequence number and hash. Hashes in lower-case hex. */
  readonly genesis: string;
  readonly seq: number;
  readonly hash: string;
}

const marks = markCodec('anima:directory-mark:v1');

/** The stored form: canonical JSON with its MAC. */
export const encodeDirectoryMark = (key: AuthenticationKey, mark: DirectoryMark): string => marks.encode(key, mark);

/**
 * Parses and verifies a stored mark.
 * @throws DecryptionError if it was not made by the vault for this org
 */
export function decodeDirectoryMark(key: AuthenticationKey, text: string): DirectoryMark {
  const { org, genesis, seq, hash } = marks.decode(key, text);
  // The MAC covers all members, so these checks only find errors of the vault itself.
  if (org !== key.org || typeof genesis !== 'string' || typeof hash !== 'string' || !isCount(seq))
    throw new DecryptionError();
  return { org, genesis, seq, hash };
}

/** One session with a peer: a ratchet and what is known about it (docs/format-sessions.md, sections 3 and 7). */
import { type Bytes, toHex } from '../encoding/bytes.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import type { RandomSource } from '../hazmat/portable-aes-gcm.ts';
import { readAssociatedData } from './handshake.ts';
import { maxIdleAge, maxSendingAge, maxSessionMessages } from './limits.ts';
import { encodeFramePrefix, type Frame, type HandshakeHeader } from './message-frame.ts';
import { decryptMessage, encryptMessage } from './ratchet.ts';
import { limitSkippedKeys, type RatchetState } from './ratchet-state.ts';

export interface Session {
  readonly associatedData: Bytes;
  /** Whether this device began the session. */
  readonly isInitiator: boolean;
  /** Whether a message of the peer was opened. */
  readonly isAnswered: boolean;
  /** Whether a newer session must replace it for sending, whatever its age. */
  readonly isStale: boolean;
  /** When this device began or accepted it, and when it sealed or opened its last message. */
  readonly created: number;
  readonly used: number;
  /** Messages sealed and opened. */
  readonly count: number;
  readonly ratchet: RatchetState;
}

const sessionIdBytes = 16;

/** The id of a session, the same on both sides: 32 characters of lower-case hex. */
export const sessionIdOf = ({ associatedData }: Session): string =>
  toHex(blake2b256(associatedData).subarray(0, sessionIdBytes));

/** The handshake of a session, as its first messages state it. */
export const handshakeOf = ({ associatedData }: Session): HandshakeHeader => readAssociatedData(associatedData);

/** A session from which nothing was sealed or opened. */
export const newSession = (
  associatedData: Bytes,
  isInitiator: boolean,
  ratchet: RatchetState,
  now: number,
): Session => ({
  ...{ associatedData, isInitiator, ratchet },
  ...{ isAnswered: false, isStale: false, created: now, used: now, count: 0 },
});

/** Whether a device still sends on the session without replacing it. */
export const isFresh = ({ isStale, created, count }: Session, now: number): boolean =>
  !isStale && now - created < maxSendingAge && count < maxSessionMessages;

export const isExpired = ({ used }: Session, now: number): boolean => now - used >= maxIdleAge;

/** Until the first answer, every message of the initiator carries the handshake (X3DH section 3.3, Sesame section 5.2). */
export function sealInSession(session: Session, plaintext: Uint8Array, now: number, random?: RandomSource) {
  const isFirst = session.isInitiator && !session.isAnswered;
  const handshake = isFirst ? handshakeOf(session) : undefined;
  const prefix = encodeFramePrefix(handshake);
  const { state, bytes } = encryptMessage(session.ratchet, session.associatedData, prefix, plaintext, random);
  return { session: { ...session, ratchet: state, used: now, count: session.count + 1 }, bytes };
}

/** @throws DecryptionError for every cause */
export function openInSession(session: Session, frame: Frame, now: number) {
  const { state, plaintext } = decryptMessage(session.ratchet, session.associatedData, frame, now);
  const opened: Session = { ...session, ratchet: state, isAnswered: true, used: now, count: session.count + 1 };
  return { session: opened, plaintext };
}

export const withoutOldKeys = (session: Session, now: number): Session => ({
  ...session,
  ratchet: limitSkippedKeys(session.ratchet, now),
});

/**
 * All sessions with one device (docs/format-sessions.md, sections 7 and 8). Pure functions: the caller stores the result
 * before it sends or acknowledges anything.
 */
import type { Bytes } from '../encoding/bytes.ts';
import type { RandomSource } from '../hazmat/portable-aes-gcm.ts';
import type { OwnKeys, PeerKeys, PreKeyBundle } from './device-keys.ts';
import { initiateHandshake } from './handshake.ts';
import { maxSessionsPerPeer } from './limits.ts';
import { encodeContent, type MessageContent } from './message-content.ts';
import { eraseSecrets, initiatorState, secretsOf } from './ratchet-state.ts';
import { isExpired, isFresh, newSession, type Session, sealInSession, sessionIdOf, withoutOldKeys } from './session.ts';

/** A handshake that was accepted. Its initiator is the peer. */
export interface RememberedHandshake {
  readonly ephemeral: Bytes;
  /** Id of the signed prekey. The entry is kept as long as that key. */
  readonly spk: number;
}

export interface PeerSessions {
  readonly peer: PeerKeys;
  /** The one that received last, or was begun last, comes first. */
  readonly sessions: readonly Session[];
  readonly handshakes: readonly RememberedHandshake[];
  /** Hashes of messages that did not open since the last resync or new session. */
  readonly failures: readonly Bytes[];
  /** Times in milliseconds since 1970; 0 for never. */
  readonly resync: {
    /** When this device sent its last one. */
    readonly sent: number;
    /** When this device last obeyed one of the peer, and the time that it stated. */
    readonly obeyed: number;
    readonly stated: number;
  };
}

export const noSessions = (peer: PeerKeys): PeerSessions => ({
  ...{ peer, sessions: [], handshakes: [], failures: [] },
  resync: { sent: 0, obeyed: 0, stated: 0 },
});

/** Puts a session first, in place of its former state, and deletes the last one if there are too many. */
export const inFront = (sessions: readonly Session[], session: Session, replaced?: Session): readonly Session[] =>
  [session, ...sessions.filter((one) => one !== replaced)].slice(0, maxSessionsPerPeer);

/** The session to send on: of those that are not due to be replaced, the first; otherwise the first (Sesame section 3). */
const sendingSession = ({ sessions }: PeerSessions, now: number): Session | undefined =>
  sessions.find((session) => isFresh(session, now)) ?? sessions[0];

/**
 * Whether to begin a session before the next message. If that fails, for example because the peer has no bundle, the
 * message is sent on the session that exists.
 */
export const isHandshakeDue = ({ sessions }: PeerSessions, now: number): boolean =>
  !sessions.some((session) => isFresh(session, now));

/**
 * Begins a session. Its first message carries the handshake.
 * @throws RangeError if the peer is of another organization, or a key of it is not usable
 */
export function beginSession(
  set: PeerSessions,
  own: OwnKeys,
  bundle: PreKeyBundle,
  now: number,
  random?: RandomSource,
): PeerSessions {
  const { sharedKey, associatedData } = initiateHandshake(own, set.peer, bundle, random);
  const ratchet = initiatorState(sharedKey, new Uint8Array(bundle.spk.key));
  return { ...set, sessions: inFront(set.sessions, newSession(associatedData, true, ratchet, now)) };
}

/** Makes {@link isHandshakeDue} true, for a device that was restored from a backup. */
export const requireHandshake = (set: PeerSessions): PeerSessions => ({
  ...set,
  sessions: set.sessions.map((session) => ({ ...session, isStale: true })),
});

export interface SealedMessage {
  readonly set: PeerSessions;
  readonly bytes: Bytes;
  readonly sessionId: string;
}

/** Seals a message for the peer. @throws RangeError without a session, and for content that no reader accepts */
export function sealMessage(
  set: PeerSessions,
  content: MessageContent,
  now: number,
  random?: RandomSource,
): SealedMessage {
  const current = sendingSession(set, now);
  if (current === undefined) throw new RangeError('no session with the peer');
  const plaintext = encodeContent(content);
  const { session, bytes } = sealInSession(current, plaintext, now, random);
  plaintext.fill(0);
  // Only receiving changes the order.
  const sessions = set.sessions.map((one) => (one === current ? session : one));
  return { set: { ...set, sessions }, bytes, sessionId: sessionIdOf(session) };
}

/**
 * Deletes what is too old. To be called at least daily.
 * @param livingSignedPreKeys ids of the signed prekeys that this device still has
 */
export const expireSessions = (
  set: PeerSessions,
  livingSignedPreKeys: ReadonlySet<number>,
  now: number,
): PeerSessions => ({
  ...set,
  sessions: set.sessions.filter((session) => !isExpired(session, now)).map((session) => withoutOldKeys(session, now)),
  handshakes: set.handshakes.filter(({ spk }) => livingSignedPreKeys.has(spk)),
});

/**
 * Zeroes the secrets of a set that its successor no longer has. To be called after the successor was stored: `before`
 * is useless afterwards.
 */
export const eraseReplacedSecrets = (before: PeerSessions, after: PeerSessions): void =>
  eraseSecrets(
    before.sessions.flatMap(({ ratchet }) => secretsOf(ratchet)),
    after.sessions.flatMap(({ ratchet }) => secretsOf(ratchet)),
  );

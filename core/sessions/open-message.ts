/** Opens messages of a peer in the session that they belong to (docs/format-sessions.md, section 7). */
import { DecryptionError } from '../decryption-error.ts';
import { equalBytes } from '../encoding/bytes.ts';
import type { OwnKeys, PreKeySecrets } from './device-keys.ts';
import { acceptHandshake } from './handshake.ts';
import { maxRememberedHandshakes } from './limits.ts';
import { type MessageContent, parseContent } from './message-content.ts';
import { type Frame, type HandshakeHeader, parseFrame } from './message-frame.ts';
import { inFront, type PeerSessions } from './peer-sessions.ts';
import { findChain, responderState } from './ratchet-state.ts';
import { handshakeOf, newSession, openInSession, type Session, sessionIdOf } from './session.ts';

const remembers = ({ handshakes }: PeerSessions, { ephemeral }: HandshakeHeader): boolean =>
  handshakes.some((one) => equalBytes(one.ephemeral, ephemeral));

const acceptedSession = ({ sessions }: PeerSessions, { ephemeral }: HandshakeHeader): Session | undefined =>
  sessions.find((session) => !session.isInitiator && equalBytes(handshakeOf(session).ephemeral, ephemeral));

/** The prekeys that {@link openMessage} needs for a message; undefined if it needs none. */
export function preKeysNeeded(
  set: PeerSessions,
  bytes: Uint8Array,
): { readonly spk: number; readonly kem: number; readonly opk: number | undefined } | undefined {
  const handshake = parseFrame(bytes)?.handshake;
  if (handshake === undefined || remembers(set, handshake)) return undefined;
  return { spk: handshake.spk, kem: handshake.kem, opk: handshake.opk };
}

export interface OpenedMessage {
  readonly set: PeerSessions;
  readonly content: MessageContent;
  readonly sessionId: string;
  /** Whether the message began a session. */
  readonly isNewSession: boolean;
  /** Id of the one-time prekey to delete in the same write. */
  readonly usedOneTimeKey: number | undefined;
}

/**
 * Opens a message of the peer.
 * @param preKeys those that {@link preKeysNeeded} names
 * @throws DecryptionError for every cause. The set then stays as it is
 */
export function openMessage(
  set: PeerSessions,
  own: OwnKeys,
  bytes: Uint8Array,
  now: number,
  preKeys?: PreKeySecrets,
): OpenedMessage {
  const frame = parseFrame(bytes);
  if (frame === undefined) throw new DecryptionError();
  const { handshake } = frame;
  if (handshake === undefined) return openInAny(set, frame, now);
  if (handshake.device !== set.peer.device.id) throw new DecryptionError();
  const known = acceptedSession(set, handshake);
  if (known !== undefined) return openIn(set, known, frame, now);
  if (remembers(set, handshake) || preKeys === undefined) throw new DecryptionError();
  return openFirst(set, { own, handshake, preKeys }, frame, now);
}

function openIn(set: PeerSessions, session: Session, frame: Frame, now: number): OpenedMessage {
  const opened = openInSession(session, frame, now);
  let content: MessageContent;
  try {
    content = parseContent(opened.plaintext);
  } finally {
    opened.plaintext.fill(0);
  }
  return {
    set: { ...set, sessions: inFront(set.sessions, opened.session, session) },
    content,
    sessionId: sessionIdOf(session),
    isNewSession: false,
    usedOneTimeKey: undefined,
  };
}

/** A message without a handshake does not name its session. The ratchet key does, unless it is new. */
function openInAny(set: PeerSessions, frame: Frame, now: number): OpenedMessage {
  const named = set.sessions.filter(({ ratchet }) => findChain(ratchet, frame.dh) !== undefined);
  for (const session of named.length > 0 ? named : set.sessions) {
    try {
      return openIn(set, session, frame, now);
    } catch {
      // Of another session, or of none.
    }
  }
  throw new DecryptionError();
}

interface FirstMessage {
  readonly own: OwnKeys;
  readonly handshake: HandshakeHeader;
  readonly preKeys: PreKeySecrets;
}

function openFirst(set: PeerSessions, first: FirstMessage, frame: Frame, now: number): OpenedMessage {
  const { own, handshake, preKeys } = first;
  if (set.handshakes.length >= maxRememberedHandshakes) throw new DecryptionError();
  const { sharedKey, associatedData } = acceptHandshake(own, set.peer, preKeys, handshake);
  const ratchet = responderState(sharedKey, preKeys.spk.secret);
  try {
    const opened = openIn(set, newSession(associatedData, false, ratchet, now), frame, now);
    const remembered = { ephemeral: new Uint8Array(handshake.ephemeral), spk: handshake.spk };
    return {
      ...opened,
      set: { ...opened.set, handshakes: [...set.handshakes, remembered], failures: [] },
      isNewSession: true,
      usedOneTimeKey: handshake.opk,
    };
  } finally {
    sharedKey.fill(0);
  }
}

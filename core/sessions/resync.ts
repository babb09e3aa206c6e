/** What a device does when messages of a peer do not open (docs/format-sessions.md, section 8). */
import { type Bytes, concatBytes, encodeFieldBytes, equalBytes, fromHex, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { ed25519SignatureLength, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { type RandomSource, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import type { PeerKeys } from './device-keys.ts';
import { maxMessageBytes, maxResyncAge, maxResyncAhead, resyncFailures, resyncInterval } from './limits.ts';
import { frameKind, frameKinds, frameVersion, ratchetEngine } from './message-frame.ts';
import { type PeerSessions, requireHandshake } from './peer-sessions.ts';
import { sessionIdOf } from './session.ts';

const label = 'anima:resync:v1';
const nonceLength = 16;

/** Type of the first message after a resync. Its body is the nonce of the resync. */
export const resyncAnswerType = 'anima/resync';

/** Counts a message of the peer that did not open. The caller keeps the message itself. The same bytes count once. */
export function recordFailure(set: PeerSessions, message: Uint8Array): PeerSessions {
  const hash = blake2b256(message);
  const isKnown = set.failures.some((one) => equalBytes(one, hash));
  return isKnown || set.failures.length >= resyncFailures ? set : { ...set, failures: [...set.failures, hash] };
}

export const isResyncDue = ({ failures, resync }: PeerSessions, now: number): boolean =>
  failures.length >= resyncFailures && now - resync.sent >= resyncInterval;

/** The signed fields before the session, the nonce and the time. */
const namesOf = (from: PeerKeys, to: PeerKeys) => [label, from.org, from.device.id, to.device.id] as const;

/**
 * Asks the peer for a new session.
 * @param ikSecret seed of the Ed25519 key of this device, 32 bytes
 * @returns the nonce too: the peer answers with it
 */
export function createResync(
  set: PeerSessions,
  own: PeerKeys,
  ikSecret: Uint8Array,
  now: number,
  random: RandomSource = randomBytes,
): { readonly set: PeerSessions; readonly bytes: Bytes; readonly nonce: Bytes } {
  const [newest] = set.sessions;
  const sessionId = newest === undefined ? '' : (fromHex(sessionIdOf(newest)) ?? '');
  const nonce = new Uint8Array(random(nonceLength));
  const statement = encodeFieldBytes(...namesOf(own, set.peer), sessionId, nonce, u64Bytes(now));
  const signed = encodeFieldBytes(statement, signEd25519(ikSecret, statement));
  return {
    set: { ...set, failures: [], resync: { ...set.resync, sent: now } },
    bytes: concatBytes(Uint8Array.of(frameVersion, ratchetEngine, frameKinds.resync), signed),
    nonce,
  };
}

/** Whether the bytes claim to be a resync. */
export const isResync = (bytes: Uint8Array): boolean => frameKind(bytes) === frameKinds.resync;

interface Resync {
  readonly nonce: Bytes;
  readonly time: number;
}

function verifyResync({ peer }: PeerSessions, own: PeerKeys, bytes: Uint8Array): Resync | undefined {
  if (!isResync(bytes) || bytes.length > maxMessageBytes || peer.org !== own.org) return undefined;
  const signed = decodeFieldBytes(bytes.subarray(3)) ?? [];
  const [statement, signature] = [signed[0], fieldOfLength(signed[1], ed25519SignatureLength)];
  if (signed.length !== 2 || statement === undefined || signature === undefined) return undefined;
  if (!verifyEd25519(peer.device.ik, statement, signature)) return undefined;
  const [sessionId, nonceField, timeField] = (decodeFieldBytes(statement) ?? []).slice(namesOf(peer, own).length);
  const [nonce, time] = [fieldOfLength(nonceField, nonceLength), decodeU64Field(timeField)];
  if (sessionId === undefined || nonce === undefined || time === undefined) return undefined;
  const isSession = sessionId.length === 0 || sessionId.length === nonceLength;
  const expected = encodeFieldBytes(...namesOf(peer, own), sessionId, nonce, u64Bytes(time));
  return isSession && equalBytes(statement, expected) ? { nonce, time } : undefined;
}

/**
 * Obeys a resync of the peer: a handshake is then due.
 * @returns undefined if it must be ignored: not signed by the peer for this device, repeated, too old, or too soon
 */
export function acceptResync(
  set: PeerSessions,
  own: PeerKeys,
  bytes: Uint8Array,
  now: number,
): { readonly set: PeerSessions; readonly nonce: Bytes } | undefined {
  const resync = verifyResync(set, own, bytes);
  if (resync === undefined || resync.time <= set.resync.stated) return undefined;
  if (resync.time < now - maxResyncAge || resync.time > now + maxResyncAhead) return undefined;
  if (now - set.resync.obeyed < resyncInterval) return undefined;
  const obeyed = { ...set.resync, obeyed: now, stated: resync.time };
  return { set: { ...requireHandshake(set), resync: obeyed }, nonce: resync.nonce };
}

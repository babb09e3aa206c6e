/**
 * The sessions with a peer as bytes (docs/format-sessions.md, section 7). Only the device itself reads them. It must
 * store them encrypted and authenticated: a changed state would be believed.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, equalBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { blake2b256Length } from '../hazmat/blake2b.ts';
import { x25519KeyLength, x25519PublicKey } from '../hazmat/x25519.ts';
import { deviceIdOf } from './device-keys.ts';
import { readAssociatedData } from './handshake.ts';
import type { PeerSessions } from './peer-sessions.ts';
import type { ChainKey, RatchetState, ReceivingChain, SkippedKey } from './ratchet-state.ts';
import type { Session } from './session.ts';

const label = 'anima:peer-sessions:v1';
const keyLength = 32;
const none = new Uint8Array(0);

const encodeChainKey = (chain: ChainKey | undefined): Bytes =>
  chain === undefined ? none : encodeFieldBytes(chain.key, u32Bytes(chain.next));

const encodeSkipped = ({ n, time, key }: SkippedKey): Bytes => concatBytes(u32Bytes(n), u64Bytes(time), key);

const encodeChain = ({ dh, chain, skipped }: ReceivingChain): Bytes =>
  encodeFieldBytes(dh, encodeChainKey(chain), concatBytes(...skipped.map(encodeSkipped)));

const encodeRatchet = ({ rootKey, own, sending, previousCount, peerKey, chains }: RatchetState): Bytes =>
  encodeFieldBytes(
    rootKey,
    own?.secret ?? none,
    encodeChainKey(sending),
    u32Bytes(previousCount),
    peerKey ?? none,
    encodeFieldBytes(...chains.map(encodeChain)),
  );

const encodeSession = (session: Session): Bytes =>
  encodeFieldBytes(
    session.associatedData,
    Uint8Array.of(...[session.isInitiator, session.isAnswered, session.isStale].map(Number)),
    u64Bytes(session.created),
    u64Bytes(session.used),
    u32Bytes(session.count),
    encodeRatchet(session.ratchet),
  );

/** The set as bytes, which contain all of its secrets. */
export const encodePeerSessions = ({ peer, sessions, handshakes, failures, resync }: PeerSessions): Bytes =>
  encodeFieldBytes(
    label,
    peer.org,
    peer.device.ik,
    peer.device.dh,
    concatBytes(...handshakes.map(({ ephemeral, spk }) => concatBytes(ephemeral, u32Bytes(spk)))),
    concatBytes(...failures),
    encodeFieldBytes(u64Bytes(resync.sent), u64Bytes(resync.obeyed), u64Bytes(resync.stated)),
    encodeFieldBytes(...sessions.map(encodeSession)),
  );

const required = <T>(value: T | undefined): T => {
  if (value === undefined) throw new DecryptionError();
  return value;
};

const fieldsOf = (bytes: Uint8Array | undefined, count?: number): readonly Bytes[] => {
  const fields = required(decodeFieldBytes(required(bytes)));
  if (count !== undefined && fields.length !== count) throw new DecryptionError();
  return fields;
};

const keyOf = (field: Bytes | undefined): Bytes => required(fieldOfLength(field, keyLength));

/** An empty field as undefined. */
const optional = <T>(field: Bytes | undefined, read: (field: Bytes) => T): T | undefined =>
  required(field).length === 0 ? undefined : read(required(field));

/** Entries of the same length without prefixes. */
function entriesOf(field: Bytes | undefined, length: number): readonly Bytes[] {
  const bytes = required(field);
  if (bytes.length % length !== 0) throw new DecryptionError();
  return Array.from({ length: bytes.length / length }, (_, at) => bytes.slice(at * length, (at + 1) * length));
}

function parseChainKey(bytes: Bytes): ChainKey {
  const [key, next] = fieldsOf(bytes, 2);
  return { key: keyOf(key), next: required(decodeU32Field(next)) };
}

const parseSkipped = (entry: Bytes): SkippedKey => ({
  n: required(decodeU32Field(entry.subarray(0, 4))),
  time: required(decodeU64Field(entry.subarray(4, 12))),
  key: entry.slice(12),
});

function parseChain(bytes: Bytes): ReceivingChain {
  const [dh, chain, skipped] = fieldsOf(bytes, 3);
  return {
    dh: keyOf(dh),
    chain: optional(chain, parseChainKey),
    skipped: entriesOf(skipped, 12 + keyLength).map(parseSkipped),
  };
}

function parseRatchet(bytes: Bytes | undefined): RatchetState {
  const [rootKey, ownSecret, sending, previousCount, peerKey, chains] = fieldsOf(bytes, 6);
  const secret = optional(ownSecret, keyOf);
  return {
    rootKey: keyOf(rootKey),
    own: secret && { secret, key: x25519PublicKey(secret) },
    sending: optional(sending, parseChainKey),
    previousCount: required(decodeU32Field(previousCount)),
    peerKey: optional(peerKey, keyOf),
    chains: fieldsOf(chains).map(parseChain),
  };
}

function parseSession(bytes: Bytes): Session {
  const [associatedData, flags, created, used, count, ratchet] = fieldsOf(bytes, 6);
  readAssociatedData(required(associatedData));
  const [isInitiator, isAnswered, isStale] = required(fieldOfLength(flags, 3));
  return {
    associatedData: new Uint8Array(required(associatedData)),
    ...{ isInitiator: isInitiator === 1, isAnswered: isAnswered === 1, isStale: isStale === 1 },
    created: required(decodeU64Field(created)),
    used: required(decodeU64Field(used)),
    count: required(decodeU32Field(count)),
    ratchet: parseRatchet(ratchet),
  };
}

/** @throws DecryptionError for every other form */
export function decodePeerSessions(bytes: Uint8Array): PeerSessions {
  const [name, orgField, ikField, dhField, handshakes, failures, resync, sessions] = fieldsOf(bytes, 8);
  if (decodeTextField(name) !== label) throw new DecryptionError();
  const [org, ik, dh] = [required(decodeTextField(orgField)), keyOf(ikField), keyOf(dhField)];
  const [sent, obeyed, stated] = fieldsOf(resync, 3).map((field) => required(decodeU64Field(field)));
  const set: PeerSessions = {
    peer: { org, device: { id: deviceIdOf(org, { ik, dh }), ik, dh } },
    handshakes: entriesOf(handshakes, x25519KeyLength + 4).map((entry) => ({
      ephemeral: entry.slice(0, x25519KeyLength),
      spk: required(decodeU32Field(entry.subarray(x25519KeyLength))),
    })),
    failures: entriesOf(failures, blake2b256Length),
    resync: { sent: required(sent), obeyed: required(obeyed), stated: required(stated) },
    sessions: fieldsOf(sessions).map(parseSession),
  };
  // One state has one form.
  if (!equalBytes(encodePeerSessions(set), bytes)) throw new DecryptionError();
  return set;
}

/** What this device stores about another device: sessions, numbers against replay, certificate. */
import { deviceIdOf } from '../../../../core/directory/directory-ids.ts';
import { acceptCertificate, readCertificate } from '../../../../core/directory/fleet-certificate.ts';
import type { Party } from '../../../../core/directory/may-write.ts';
import type { Seen } from '../../../../core/directory/seen.ts';
import { type Bytes, encodeFieldBytes } from '../../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../../core/encoding/field-reader.ts';
import type { PeerKeys } from '../../../../core/sessions/device-keys.ts';
import { eraseReplacedSecrets, noSessions, type PeerSessions } from '../../../../core/sessions/peer-sessions.ts';
import { decodePeerSessions, encodePeerSessions } from '../../../../core/sessions/peer-sessions-codec.ts';
import type { SessionContext } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import type { Changes } from '../storage/session-store.ts';
import { decodeItem, encodeItem } from '../storage/stored-item.ts';

interface PeerFacts {
  /** Highest counter that was used for messages to this device. */
  readonly counter: number;
  /** The newest bundle and certificate that were accepted. */
  readonly bundle: Seen | undefined;
  readonly certificate: Bytes | undefined;
  readonly certificateSeen: Seen | undefined;
  /** When a bundle may be claimed again after one was refused. */
  readonly claimAfter: number;
}

export interface PeerRecord extends PeerFacts {
  readonly set: PeerSessions;
}

const prefix = 'peer/';
const nameOf = (device: string): string => `${prefix}${device}`;
const noFacts: PeerFacts = {
  ...{ counter: 0, bundle: undefined, certificate: undefined, certificateSeen: undefined },
  claimAfter: 0,
};

export async function loadPeer({ store }: SessionContext, device: string): Promise<PeerRecord | undefined> {
  const bytes = await store.bytes(nameOf(device));
  if (bytes === undefined) return undefined;
  const [facts, set] = decodeFieldBytes(bytes) ?? [];
  if (facts === undefined || set === undefined) throw sessionError('storage_damaged');
  try {
    return { ...noFacts, ...decodeItem<PeerFacts>(facts), set: decodePeerSessions(set) };
  } catch {
    throw sessionError('storage_damaged');
  } finally {
    bytes.fill(0);
  }
}

export const newPeer = (peer: PeerKeys): PeerRecord => ({ ...noFacts, set: noSessions(peer) });

export function stagePeer(changes: Changes, { set, ...facts }: PeerRecord): void {
  const encoded = encodePeerSessions(set);
  changes.putSecret(nameOf(set.peer.device.id), encodeFieldBytes(encodeItem(facts), encoded));
  encoded.fill(0);
}

/** To be called after the record was stored. */
export const erasePeer = (before: PeerRecord | undefined, after: PeerRecord): void => {
  if (before !== undefined) eraseReplacedSecrets(before.set, after.set);
};

export const peerDevices = async ({ store }: SessionContext): Promise<readonly string[]> =>
  (await store.names(prefix)).map((name) => name.slice(prefix.length));

/** The keys of a device: from the directory, or from a certificate that this device accepted. */
export function keysOf(context: SessionContext, device: string, certificate: Bytes | undefined): PeerKeys | undefined {
  const { own, directory } = context;
  const found = directory.state.devices.get(device) ?? (certificate && readCertificate(directory.state, certificate));
  if (found === undefined) return undefined;
  const { ik, dh } = found;
  return deviceIdOf(own.org, found) === device ? { org: own.org, device: { id: device, ik, dh } } : undefined;
}

/** The device for the rules of the directory; undefined if it is unknown. */
export function partyOf(
  { directory }: SessionContext,
  device: string,
  certificate: Bytes | undefined,
): Party | undefined {
  if (directory.state.devices.get(device) !== undefined) return device;
  const read = certificate && readCertificate(directory.state, certificate);
  return read?.id === device ? read : undefined;
}

/**
 * The record with a certificate that the service showed, if it is valid and not older than the last one. Unchanged for
 * any other.
 */
export function withCertificate(
  context: SessionContext,
  device: string,
  record: PeerRecord | undefined,
  signed: Bytes | undefined,
): PeerRecord | undefined {
  const { directory, own, clock } = context;
  const certificate = signed && acceptCertificate(directory.state, signed, clock.now(), record?.certificateSeen);
  if (signed === undefined || certificate?.id !== device) return record;
  const { ik, dh, serial, hash } = certificate;
  const base = record ?? newPeer({ org: own.org, device: { id: device, ik, dh } });
  return { ...base, certificate: signed, certificateSeen: { number: serial, hash } };
}

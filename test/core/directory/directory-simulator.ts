/** A directory in memory: writes entries by every kind of signer, and keeps what a server would keep. */
import { x25519 } from '@noble/curves/ed25519.js';
import { expect } from 'vitest';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { deviceIdOf, fleetIdOf, zeroHash } from '../../../core/directory/directory-ids.ts';
import { type DirectoryState, initialDirectory, type Outcome } from '../../../core/directory/directory-state.ts';
import type { DeviceFacts, DirectoryRole, EntryBody } from '../../../core/directory/entry-bodies.ts';
import { generateSigningKey, type SigningKey } from '../../../core/directory/signing-key.ts';
import { checkpointBody, orgKeysBody, proveRecoveryKey, writeEntry } from '../../../core/directory/write-entry.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';

export const org = '0123456789abcdef';
export const otherOrg = 'fedcba9876543210';
export const now = 1_796_000_000_000;
const day = 86_400_000;
export const later = now + 365 * day;

/** Ids of persons. */
export const ann = 'annannannannanna';
export const bob = 'bobbobbobbobbobb';

export interface TestDevice {
  readonly id: string;
  readonly ik: SigningKey;
  readonly dh: Bytes;
}

export function newDevice(of = org): TestDevice {
  const ik = generateSigningKey();
  const dh = new Uint8Array(x25519.keygen().publicKey);
  return { id: deviceIdOf(of, { ik: ik.publicKey, dh }), ik, dh };
}

/** The facts of a device for `admit`. */
export const factsOf = (
  { ik, dh }: TestDevice,
  person: string,
  role: DirectoryRole,
  more: Partial<DeviceFacts> = {},
): DeviceFacts => ({ person, role, can: [], ik: ik.publicKey, dh, expires: 0, name: zeroHash, invite: '', ...more });

export interface Step {
  readonly before: DirectoryState;
  readonly signed: Bytes;
  readonly outcome: Outcome;
  readonly signer: SigningKey;
  readonly cosigner: SigningKey | undefined;
}

export const summary = (outcome: Outcome): string =>
  outcome.result === 'accept' ? 'accept' : `${outcome.result} ${outcome.reason}`;

/** The state after an accepted entry. */
export function accepted(outcome: Outcome): DirectoryState {
  if (outcome.result !== 'accept') expect.fail(summary(outcome));
  return outcome.state;
}

export class DirectorySimulator {
  state: DirectoryState;
  readonly log: Step[] = [];
  readonly authorities = [generateSigningKey(), generateSigningKey()] as const;
  readonly recovery = generateSigningKey();

  constructor(of = org) {
    this.state = initialDirectory(of);
  }

  get authority(): SigningKey {
    return this.authorities[0];
  }

  /** Signs and applies an entry. The state moves unless the entry is refused. */
  write(signer: SigningKey, body: EntryBody, cosigner?: SigningKey): Outcome {
    const before = this.state;
    const signed = writeEntry(before, body, now, signer, cosigner);
    const outcome = applyEntry(before, signed);
    this.log.push({ before, signed, outcome, signer, cosigner });
    if (outcome.result !== 'stop') this.state = outcome.state;
    return outcome;
  }

  /** As {@link write}, of an entry that must be accepted. */
  append(signer: SigningKey, body: EntryBody, cosigner?: SigningKey): void {
    accepted(this.write(signer, body, cosigner));
  }

  /** Applies an entry that another simulator wrote. */
  take(signed: Bytes): void {
    const before = this.state;
    const outcome = applyEntry(before, signed);
    this.log.push({ before, signed, outcome, signer: this.authority, cosigner: undefined });
    this.state = accepted(outcome);
  }

  keysBody(
    op: 'genesis' | 'rotate',
    authorities: readonly SigningKey[] = this.authorities,
    recovery: SigningKey = this.recovery,
  ): EntryBody {
    const keys = { authorities: authorities.map(({ publicKey }) => publicKey), recovery: recovery.publicKey };
    return orgKeysBody(op, keys, proveRecoveryKey(this.state.org, recovery));
  }

  begin(): this {
    this.append(this.authority, this.keysBody('genesis'));
    return this;
  }

  /** Admits a device, which is pending unless it is the first one of the person. */
  admit(person: string, role: DirectoryRole, more: Partial<DeviceFacts> = {}): TestDevice {
    const device = newDevice(this.state.org);
    this.append(this.authority, { op: 'admit', device: factsOf(device, person, role, more) });
    return device;
  }

  /** The hash of the entry that added a device, a fleet or a link. */
  entryOf(subject: string): Bytes {
    const { devices, fleets, links } = this.state;
    return (devices.get(subject) ?? fleets.get(subject) ?? links.get(subject))?.entry ?? expect.fail('no subject');
  }

  countersign(by: TestDevice, subject: string): void {
    this.append(by.ik, { op: 'countersign', subject, entry: this.entryOf(subject) });
  }

  /** Admits a further device of a person, which an owner's device confirms. */
  add(by: TestDevice, person: string, role: DirectoryRole, more: Partial<DeviceFacts> = {}): TestDevice {
    const device = this.admit(person, role, more);
    this.countersign(by, device.id);
    return device;
  }

  /** Delegates a fleet, which an owner's device confirms. */
  delegate(
    by: TestDevice,
    person: string,
    can: readonly string[] = [],
  ): { readonly id: string; readonly key: SigningKey } {
    const key = generateSigningKey();
    this.append(this.authority, { op: 'delegate', fleet: { key: key.publicKey, person, can, expires: later } });
    const id = fleetIdOf(this.state.org, key.publicKey);
    this.countersign(by, id);
    return { id, key };
  }

  checkpoint(): Outcome {
    return this.write(this.authority, checkpointBody(this.state));
  }

  setStatus(
    op: 'suspend' | 'revoke',
    subject: string,
    by = this.authority,
    certificate: Bytes = new Uint8Array(0),
  ): Outcome {
    return this.write(by, { op, subject, certificate });
  }
}

/** A directory with every operation, ordinary and cosigned. */
export function fullDirectory() {
  const directory = new DirectorySimulator().begin();
  const { authority, authorities, recovery } = directory;
  const annPhone = directory.admit(ann, 'owner', { can: ['approve'], invite: 'inviteinviteinvi' });
  const bobPhone = directory.admit(bob, 'owner', { expires: later });
  const annLaptop = directory.add(annPhone, ann, 'owner', { name: new Uint8Array(32).fill(7) });
  const annAgent = directory.add(annPhone, ann, 'agent', { can: ['mail', 'shell'] });
  const bobAgent = directory.add(bobPhone, bob, 'agent');
  const broker = directory.add(annPhone, ann, 'broker');
  const [a = '', b = ''] = [annAgent.id, bobAgent.id].toSorted();
  directory.append(authority, { op: 'link', a, b });
  const link = [...directory.state.links.keys()][0] ?? expect.fail('no link');
  directory.countersign(annLaptop, link);
  directory.countersign(bobPhone, link);
  const fleet = directory.delegate(bobPhone, bob, ['mail']);
  accepted(directory.checkpoint());
  accepted(directory.setStatus('suspend', annAgent.id, annLaptop.ik));
  directory.append(authority, { op: 'resume', subject: annAgent.id });
  accepted(directory.setStatus('revoke', annLaptop.id));
  directory.append(authority, { op: 'unlink', a, b });
  directory.append(authorities[0], directory.keysBody('rotate'), authorities[1]);
  accepted(directory.setStatus('revoke', bobPhone.id));
  const bobNew = newDevice();
  directory.append(recovery, { op: 'admit', device: factsOf(bobNew, bob, 'owner') });
  return { directory, annPhone, annLaptop, annAgent, bobPhone, bobAgent, bobNew, broker, fleet, link, a, b };
}

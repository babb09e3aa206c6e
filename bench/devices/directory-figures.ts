/** The start of a new client in the directory of a large org (docs/format-directory.md, section 8). */
import { createHash } from 'node:crypto';
import { applyEntry } from '../../core/directory/apply-entry.ts';
import { deviceIdOf, zeroHash } from '../../core/directory/directory-ids.ts';
import { directoryPin } from '../../core/directory/directory-pin.ts';
import {
  type DirectoryState,
  initialDirectory,
  type Outcome,
  withDevice,
} from '../../core/directory/directory-state.ts';
import { resumeFromCheckpoint } from '../../core/directory/resume-from-checkpoint.ts';
import { encodeLeaves } from '../../core/directory/state-leaves.ts';
import { checkpointBody, orgKeysBody, proveRecoveryKey, writeEntry } from '../../core/directory/write-entry.ts';
import { generateEd25519KeyPair } from '../../core/hazmat/ed25519.ts';
import { type Figure, medianMs } from './figure.ts';

const org = '0123456789abcdef';

/** The state after an entry. */
function stateOf(outcome: Outcome): DirectoryState {
  if (outcome.result !== 'accept') throw new Error(outcome.reason);
  return outcome.state;
}

const keyOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(createHash('sha256').update(text).digest());

/** Adds a device without an entry, which a client cannot tell from one with an entry once there is a checkpoint. */
function addDevice(state: DirectoryState, n: number): DirectoryState {
  const person = String(n).padStart(16, '0');
  const keys = { ik: keyOf(`ik ${n}`), dh: keyOf(`dh ${n}`) };
  const facts = { person, role: 'owner', can: [], ...keys, expires: 0, name: zeroHash, invite: person } as const;
  const status = { since: n, entry: zeroHash, confirmed: true, status: 'active', changed: n } as const;
  return withDevice(state, { id: deviceIdOf(org, keys), ...facts, ...status });
}

/** The time from the bytes of the service to a state that the client can use. */
export async function measureDirectoryStart(devices: number): Promise<Figure> {
  const [authority, recovery] = [generateEd25519KeyPair(), generateEd25519KeyPair()];
  const keys = { authorities: [authority.publicKey], recovery: recovery.publicKey };
  const genesis = orgKeysBody('genesis', keys, proveRecoveryKey(org, recovery));
  const begun = initialDirectory(org);
  let state = stateOf(applyEntry(begun, writeEntry(begun, genesis, 0, authority)));
  for (let n = 1; n <= devices; n++) state = addDevice(state, n);
  const checkpoint = writeEntry(state, checkpointBody(state), 0, authority);
  const pin = directoryPin(stateOf(applyEntry(state, checkpoint)));
  const bundle = { checkpoint, subtrees: state.entries.subtrees, leaves: encodeLeaves(state), tail: [] };
  const ms = await medianMs(3, 1, async () => {
    if (resumeFromCheckpoint(org, pin, bundle)?.devices.size !== devices) throw new Error('not resumed');
  });
  return { name: `verify a directory of ${devices} devices from a checkpoint`, ms, goalMs: 1000 };
}

/** A device that restarts goes on from its stored state. */
import { beforeAll, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { createCheckpoint } from '../../../core/devices/apply-content.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import { decodeState, encodeState } from '../../../core/devices/state-snapshot.ts';
import { accepted, fullVault, otherScope, scope } from './vault-simulator.ts';

let full: Awaited<ReturnType<typeof fullVault>>;
beforeAll(async () => {
  full = await fullVault();
});

const comparable = (state: ChainState) => ({ ...state, records: state.records.values() });

test('a restart after any entry changes nothing: same state, same roots, same outcome of the next entry', async () => {
  let state = initialState(scope);
  for (const { signed } of full.vault.log) {
    const restored = await decodeState(scope, encodeState(state));
    expect(comparable(restored)).toEqual(comparable(state));
    expect(encodeState(restored)).toEqual(encodeState(state));
    expect(await createCheckpoint(restored)).toEqual(await createCheckpoint(state));
    state = accepted(await applyEntry(restored, signed)).state;
  }
  expect(state.head).toEqual(full.vault.state.head);
});

test('the state of another vault, and any other form, is refused', async () => {
  const encoded = encodeState(full.vault.state);
  const longer = Uint8Array.of(...encoded, 0, 0, 0, 0);
  await expect(decodeState(otherScope, encoded)).rejects.toThrow(DecryptionError);
  for (const bad of [
    encoded.subarray(0, -1),
    encoded.subarray(0, -4),
    new Uint8Array(0),
    encoded.subarray(1),
    longer,
  ]) {
    await expect(decodeState(scope, bad)).rejects.toThrow(DecryptionError);
  }
});

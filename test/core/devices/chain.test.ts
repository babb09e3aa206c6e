/** The verifier of the chain: envelope, order, membership and epoch. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { type Entry, encodeEntry, parseSignedEntry, signEntry } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState, type Outcome } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { openChange, parseChanges } from '../../../core/devices/record-changes.ts';
import { writeEntry } from '../../../core/devices/write-entry.ts';
import { encodeFieldBytes, toBase64 } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { groupOrder } from './p256-order.ts';
import { accepted, fullVault, otherScope, type Step, scope, summary, time, VaultSimulator } from './vault-simulator.ts';

let full: Awaited<ReturnType<typeof fullVault>>;
beforeAll(async () => {
  full = await fullVault();
});

const kinds = [
  ...['genesis', 'add', 'records', 'heartbeat', 'checkpoint', 'acknowledge', 'leave', 'rotate', 'recovery', 'remove'],
  ...['recover', 'close'],
];
const stepsOf = (kind: string): Step[] =>
  full.vault.log.filter(({ outcome }) => outcome.result === 'accept' && outcome.entry.kind === kind);
const entryOf = ({ signed }: Step) => {
  const entry = parseSignedEntry(signed);
  return typeof entry === 'string' ? expect.fail(entry) : entry;
};
const signerOf = ({ signed }: Step): DeviceKeys => {
  const entry = parseSignedEntry(signed);
  const { first, second, agent, recovery, rescued } = full;
  const all = [first, second, agent, recovery, rescued];
  return all.find(({ id }) => typeof entry !== 'string' && id === entry.signer) ?? expect.fail('no signer');
};

/** The parts of a state that two readers compare. */
const comparable = (state: ChainState) => ({
  ...state,
  records: state.records.values().map((head) => ({ ...head, hash: toBase64(head.hash) })),
});

/** Applies an entry to the same state twice, and expects the same outcome. */
async function applyTwice(state: ChainState, signed: Uint8Array) {
  const [one, two] = [await applyEntry(state, signed), await applyEntry(state, signed.slice())];
  expect(summary(one)).toBe(summary(two));
  if (one.result !== 'stop' && two.result !== 'stop') expect(comparable(one.state)).toEqual(comparable(two.state));
  return one;
}

describe('a chain with an entry of every kind', () => {
  test('is accepted from the first entry to the last, with the same state each time', async () => {
    let state = initialState(scope);
    for (const step of full.vault.log) {
      const outcome = accepted(await applyTwice(state, step.signed));
      state = outcome.state;
    }
    expect(kinds.every((kind) => stepsOf(kind).length > 0)).toBe(true);
    expect(comparable(state)).toEqual(comparable(full.vault.state));
    expect(state.closed).toBe(true);
    expect([...state.members.values()].map(({ role }) => role)).toEqual(['admin', 'recovery']);
  });

  test.each(kinds)('%s: no byte of it can change without being signed again', async (kind) => {
    for (const { before, signed } of stepsOf(kind)) {
      const places = fc.record({ at: fc.nat(signed.length - 1), mask: fc.integer({ min: 1, max: 255 }) });
      await fc.assert(
        fc.asyncProperty(places, async ({ at, mask }) => {
          const changed = signed.slice();
          changed[at] = (changed[at] ?? 0) ^ mask;
          expect((await applyTwice(before, changed)).result).toBe('stop');
        }),
        { numRuns: 60 },
      );
      expect((await applyTwice(before, signed.subarray(0, -1))).result).toBe('stop');
      expect((await applyTwice(before, Uint8Array.of(...signed, 0))).result).toBe('stop');
    }
  });

  test.each(kinds)('%s: with any other field of the envelope, it is refused although it is signed', async (kind) => {
    for (const step of stepsOf(kind)) {
      const entry = entryOf(step);
      const stranger = (await new VaultSimulator().begin()).id;
      const changes: [Partial<Entry>, string][] = [
        [{ scope: otherScope }, 'other_vault'],
        [{ scope: { ...scope, user: '0000000000000000' } }, 'other_vault'],
        [{ scope: { ...scope, org: '0000000000000000' } }, 'other_vault'],
        [{ seq: entry.seq + 1 }, 'bad_sequence'],
        [{ seq: entry.seq - 1 }, 'bad_sequence'],
        [{ prev: new Uint8Array(32).fill(7) }, 'bad_previous_hash'],
        [{ epoch: entry.epoch + 1 }, kind === 'genesis' ? 'bad_genesis' : 'bad_epoch'],
        [{ time: '2026-11-21T00:00:00Z' }, 'malformed'],
        [{ signer: stranger }, kind === 'genesis' ? 'bad_genesis' : 'not_a_member'],
      ];
      if (entry.epoch > 0) changes.push([{ epoch: entry.epoch - 1 }, 'bad_epoch']);
      for (const [change, reason] of changes) {
        const signed = await signEntry({ ...entry, ...change }, signerOf(step).ecdsa.privateKey);
        expect(summary(await applyTwice(step.before, signed)), JSON.stringify(change)).toBe(`stop ${reason}`);
      }
    }
  });

  test.each(kinds)(
    '%s: any field of its body that is changed and signed leaves no effect, on all readers',
    async (kind) => {
      for (const step of stepsOf(kind)) {
        const entry = entryOf(step);
        for (const [place, body] of mutatedBodies(entry.body)) {
          const signed = await signEntry({ ...entry, body }, signerOf(step).ecdsa.privateKey);
          const outcome = await applyTwice(step.before, signed);
          expect(await hasEffect(step, outcome, place), `${kind} ${place}: ${summary(outcome)}`).toBe(false);
        }
      }
    },
  );

  test('a suite or a kind that is not known stops the reader, which must be updated', async () => {
    const step = stepsOf('records')[0] ?? expect.fail();
    const entry = entryOf(step);
    const { privateKey } = signerOf(step).ecdsa;
    const unknown = { ...entry, kind: 'rename' as 'records' };
    expect(summary(await applyEntry(step.before, await signEntry(unknown, privateKey)))).toBe('stop unknown_kind');
    const [, ...rest] = decodeFieldBytes(encodeEntry(entry)) ?? [];
    const later = encodeFieldBytes(encodeFieldBytes('anima:entry:v2', ...rest), entry.signature);
    expect(summary(await applyEntry(step.before, later))).toBe('stop unsupported_suite');
    const earlier = encodeFieldBytes(encodeFieldBytes('anima:entry:v0', ...rest), entry.signature);
    expect(summary(await applyEntry(step.before, earlier))).toBe('stop unsupported_suite');
  });

  test('a signed entry has two parts, and a signature of 64 bytes', async () => {
    const step = stepsOf('heartbeat')[0] ?? expect.fail();
    const { unsigned, signature } = entryOf(step);
    for (const parts of [[unsigned], [unsigned, signature, signature], [unsigned, signature.subarray(1)], []]) {
      expect(summary(await applyEntry(step.before, encodeFieldBytes(...parts)))).toBe('stop malformed');
    }
    const fields = decodeFieldBytes(unsigned) ?? [];
    const longer = encodeFieldBytes(encodeFieldBytes(...fields, 'more'), signature);
    expect(summary(await applyEntry(step.before, longer))).toBe('stop malformed');
  });

  test('an entry of more than 262,144 bytes is refused', async () => {
    const step = stepsOf('heartbeat')[0] ?? expect.fail();
    const entry = { ...entryOf(step), body: new Uint8Array(262_144) };
    const signed = await signEntry(entry, signerOf(step).ecdsa.privateKey);
    expect(summary(await applyEntry(step.before, signed))).toBe('stop malformed');
    const length = 262_144 - encodeEntry({ ...entry, body: new Uint8Array(0) }).length;
    const largest = await signEntry({ ...entry, body: new Uint8Array(length) }, signerOf(step).ecdsa.privateKey);
    expect(summary(await applyEntry(step.before, largest))).toBe('void malformed_body');
  });

  test('the other spelling of a signature is refused', async () => {
    for (const step of full.vault.log) {
      const { unsigned, signature } = entryOf(step);
      const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
      const high = Buffer.from((groupOrder - s).toString(16).padStart(64, '0'), 'hex');
      const malleable = encodeFieldBytes(unsigned, Buffer.concat([signature.subarray(0, 32), high]));
      expect(summary(await applyEntry(step.before, malleable))).toBe('stop bad_signature');
    }
  });
});

/** Changes one byte in each field, and drops and repeats fields, on every level of nesting. */
function mutatedBodies(body: Uint8Array): [string, Uint8Array<ArrayBuffer>][] {
  if (body.length === 0) return [['empty', Uint8Array.of(0)]];
  const fields = decodeFieldBytes(body) ?? [];
  const withField = (at: number, ...replacement: Uint8Array[]) =>
    encodeFieldBytes(...fields.slice(0, at), ...replacement, ...fields.slice(at + 1));
  return fields.flatMap((field, at) => {
    const place = `field ${at}`;
    const inner = (decodeFieldBytes(field)?.length ?? 0) > 1 ? mutatedBodies(field) : [];
    const flipped = field.slice();
    if (flipped.length > 0) flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const mutated: [string, Uint8Array<ArrayBuffer>][] = [
      [`${place} dropped`, withField(at)],
      [`${place} repeated`, withField(at, field, field)],
      [`${place} longer`, withField(at, Uint8Array.of(...field, 1))],
      ...inner.map(([where, bytes]): [string, Uint8Array<ArrayBuffer>] => [`${place} ${where}`, withField(at, bytes)]),
    ];
    if (field.length > 0) mutated.push([`${place} flipped`, withField(at, flipped)]);
    return mutated;
  });
}

/**
 * Whether the changed entry did what it must not. The public state cannot tell a right commitment from a wrong one: these
 * fields are checked by the devices that open the wraps (key-wraps.test.ts). A change of a record has an effect if its
 * content opens.
 */
async function hasEffect(step: Step, outcome: Outcome, place: string): Promise<boolean> {
  if (outcome.result !== 'accept') return false;
  const { entry, changes } = outcome;
  if (entry.kind !== 'records') return !openChecked.some(([name, at]) => name.test(entry.kind) && at.test(place));
  const original = parseChanges(entryOf(step).body)?.[0];
  const opened = await Promise.all(
    changes.map(({ change }) =>
      openChange(full.vault.keys.get(entry.epoch) ?? expect.fail(), change, entry).then(
        (content) => content.body.length > 0 && !isDeepStrictEqual(change, original),
        () => false,
      ),
    ),
  );
  return opened.includes(true);
}

/** Fields that are opaque to the public verifier. */
const openChecked: readonly (readonly [RegExp, RegExp])[] = [
  [/^(genesis|add|remove|rotate|recovery|recover)$/, /^field 1 flipped/],
  [/^(genesis|remove|rotate|recovery|recover)$/, /^field 2 flipped/],
  // Identifier and hash of the pairing, which the device that joins compares.
  [/^add$/, /^field [45] flipped/],
  // Hash of the recovery box, which the holder of the code compares.
  [/^recovery$/, /^field 4 flipped/],
  [/^recover$/, /^field 5 flipped/],
];

describe('fork, drop, reorder and replay', () => {
  test('no other order of the entries, and no subset without a prefix, is accepted', async () => {
    const log = full.vault.log.map(({ signed }) => signed);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...log.keys()], { minLength: 1 }), async (order) => {
        let state = initialState(scope);
        let taken = 0;
        for (const at of order) {
          const outcome = await applyEntry(state, log[at] ?? expect.fail());
          if (outcome.result === 'stop') {
            expect(outcome.code).toBe('bad_envelope');
            break;
          }
          state = outcome.state;
          taken++;
        }
        const prefix = order.findIndex((at, index) => at !== index);
        expect(taken).toBe(prefix < 0 ? order.length : prefix);
        expect(state.head.seq).toBe(taken);
      }),
      { numRuns: 200 },
    );
  });

  test('an entry of one branch is refused on the other', async () => {
    const vault = new VaultSimulator();
    const device = await vault.begin();
    const start = vault.state;
    accepted(await vault.put(device, 'a', 'left'));
    const left = vault.state;
    vault.state = start;
    accepted(await vault.put(device, 'a', 'right'));
    const next = await vault.put(device, 'b', 'on the right');
    accepted(next);
    const signed = vault.log.at(-1)?.signed ?? expect.fail();
    expect(summary(await applyEntry(left, signed))).toBe('stop bad_previous_hash');
  });

  test('nothing is accepted after a close', async () => {
    const { vault, rescued } = full;
    const signed = await writeEntry(vault.state, rescued, 'heartbeat', new Uint8Array(0), time);
    expect(summary(await applyEntry(vault.state, signed))).toBe('stop closed');
  });

  test('a device that was removed, left, or was dropped by a recovery is no member', async () => {
    const { vault, first, second, agent, recovery } = full;
    const open = { ...vault.state, closed: false };
    for (const device of [first, second, agent, recovery]) {
      const signed = await signEntry(vault.draft(device, 'heartbeat', new Uint8Array(0)), device.ecdsa.privateKey);
      expect(summary(await applyEntry(open, signed))).toBe('stop not_a_member');
    }
  });

  test('a removed device cannot write below a head from before its removal', async () => {
    const vault = new VaultSimulator();
    const first = await vault.begin();
    const second = await vault.add(first, 'data');
    const late = vault.draft(second, 'records', new Uint8Array(0));
    await vault.remove(first, second);
    const signed = await signEntry(late, second.ecdsa.privateKey);
    expect(summary(await applyEntry(vault.state, signed))).toBe('stop bad_sequence');
    const moved = { ...late, seq: vault.state.head.seq + 1, prev: vault.state.head.hash };
    const signedAgain = await signEntry(moved, second.ecdsa.privateKey);
    expect(summary(await applyEntry(vault.state, signedAgain))).toBe('stop not_a_member');
  });

  test('the first entry of another person is refused', async () => {
    const { vault, first } = full;
    const entry = entryOf(vault.log[0] ?? expect.fail());
    const stranger = await new VaultSimulator().begin();
    const forged = await signEntry(entry, stranger.ecdsa.privateKey);
    expect(summary(await applyEntry(initialState(scope), forged))).toBe('stop bad_signature');
    const swapped = await signEntry({ ...entry, signer: stranger.id }, stranger.ecdsa.privateKey);
    expect(summary(await applyEntry(initialState(scope), swapped))).toBe('stop bad_genesis');
    expect(first.id).toBe(entry.signer);
  });
});

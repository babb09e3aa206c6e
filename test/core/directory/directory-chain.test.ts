/** The chain of the directory under a hostile service: changed, dropped, reordered, forked and replayed entries. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { initialDirectory, type Outcome } from '../../../core/directory/directory-state.ts';
import { encodeEntry, parseSignedEntry, type SignedDirectoryEntry, signEntry } from '../../../core/directory/entry.ts';
import { encodeBody, parseBody } from '../../../core/directory/entry-bodies.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { concatBytes, encodeFieldBytes, equalBytes, u64Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { generateEd25519KeyPair, signEd25519 } from '../../../core/hazmat/ed25519.ts';
import {
  accepted,
  DirectorySimulator,
  fullDirectory,
  now,
  org,
  otherOrg,
  type Step,
  summary,
} from './directory-simulator.ts';

const full = fullDirectory();
const { log } = full.directory;

const entryOf = ({ signed }: Step): SignedDirectoryEntry => {
  const entry = parseSignedEntry(signed);
  return typeof entry === 'string' ? expect.fail(entry) : entry;
};
const flip = (bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> => {
  const flipped = new Uint8Array(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  return flipped;
};

/** Flips a bit at the end of each field, and drops, repeats and lengthens it, on every level of nesting. */
function mutations(bytes: Uint8Array): [place: string, mutated: Uint8Array<ArrayBuffer>][] {
  const fields = decodeFieldBytes(bytes) ?? [];
  const withField = (at: number, ...replacement: Uint8Array[]) =>
    encodeFieldBytes(...fields.slice(0, at), ...replacement, ...fields.slice(at + 1));
  return fields.flatMap((field, at) => {
    const inner = field.length > 4 ? mutations(field) : [];
    return [
      [`${at} dropped`, withField(at)] as [string, Uint8Array<ArrayBuffer>],
      [`${at} repeated`, withField(at, field, field)] as [string, Uint8Array<ArrayBuffer>],
      [`${at} longer`, withField(at, concatBytes(field, Uint8Array.of(1)))] as [string, Uint8Array<ArrayBuffer>],
      ...(field.length > 0
        ? [[`${at} flipped`, withField(at, flip(field, field.length - 1))] as [string, Uint8Array<ArrayBuffer>]]
        : []),
      ...inner.map(([place, changed]): [string, Uint8Array<ArrayBuffer>] => [`${at}.${place}`, withField(at, changed)]),
    ];
  });
}

/** One entry of each operation, and of each kind of signer. */
const samples = [
  ...new Map(
    log.map((step, at) => {
      const { op, cosigner, signer } = entryOf(step);
      const isAuthority = full.directory.authorities.some(({ publicKey }) => equalBytes(publicKey, signer));
      return [`${op} ${cosigner === undefined} ${isAuthority}`, [`${at + 1} ${op}`, step] as const];
    }),
  ).values(),
];

test('the simulated directory has every operation, and each entry is accepted', () => {
  expect(new Set(log.map((step) => entryOf(step).op)).size).toBe(11);
  expect(log.every(({ outcome }) => outcome.result === 'accept')).toBe(true);
  for (const step of log) {
    const { unsigned, signature, cosignature, ...entry } = entryOf(step);
    expect(encodeEntry(entry)).toEqual(unsigned);
    expect(encodeBody(parseBody(entry.op, entry.body) ?? expect.fail())).toEqual(entry.body);
    expect([signature.length, cosignature?.length]).toEqual([64, entry.cosigner && 64]);
  }
});

describe('integrity: whatever is changed in an entry, its signature no longer fits, and every reader stops', () => {
  test.each(samples)('entry %s', (_, step) => {
    for (const [place, mutated] of mutations(step.signed)) {
      const outcome = applyEntry(step.before, mutated);
      expect(outcome.result, place).toBe('stop');
      expect(outcome, place).not.toHaveProperty('state');
    }
  });
});

/**
 * Fields that the signer decides about, so that another value is another valid entry: the keys of an org; all facts of a
 * device and of a fleet, where another key makes another device or fleet.
 */
const free: Readonly<Record<string, RegExp>> = {
  genesis: /^0\b/,
  rotate: /^0\b/,
  admit: /^(?:[02567]\b|[34] flipped)/,
  delegate: /^(?:[123]\b|0 flipped)/,
};

describe('a body that a valid signer changed and signed', () => {
  const resigned = (step: Step, body: Uint8Array<ArrayBuffer>): Outcome => {
    const { unsigned: _, signature: __, cosignature: ___, ...entry } = entryOf(step);
    return applyEntry(step.before, signEntry({ ...entry, body }, step.signer, step.cosigner));
  };

  test.each(samples)('of entry %s is void by a rule, or says something else that the signer may say', (_, step) => {
    const { op, body } = entryOf(step);
    for (const [place, mutated] of [...mutations(body), ['empty', new Uint8Array(0)] as const]) {
      const outcome = resigned(step, mutated);
      if (outcome.result === 'accept') {
        expect(place).toMatch(free[op] ?? /^never$/);
        expect(encodeBody(parseBody(op, mutated) ?? expect.fail())).toEqual(mutated);
        expect(encodeLeaves(outcome.state)).not.toEqual(encodeLeaves(accepted(step.outcome)));
        continue;
      }
      // A genesis or a checkpoint cannot be void: nobody goes past it.
      expect(outcome.result, `${place} ${summary(outcome)}`).toBe(
        ['genesis', 'checkpoint'].includes(op) ? 'stop' : 'void',
      );
      if (outcome.result !== 'void') continue;
      expect(encodeLeaves(outcome.state)).toEqual(encodeLeaves(step.before));
      expect(outcome.state.head.seq).toBe(step.before.head.seq + 1);
    }
  });
});

describe('the envelope', () => {
  const [step = expect.fail()] = log.slice(1);
  const { unsigned } = entryOf(step);
  const fields = decodeFieldBytes(unsigned) ?? [];
  /** The entry with other fields, signed by the right key. */
  const outcomeWith = (changes: Readonly<Record<number, string | Uint8Array>>) => {
    const changed = encodeFieldBytes(...fields.map((field, at) => changes[at] ?? field));
    return summary(applyEntry(step.before, encodeFieldBytes(changed, signEd25519(step.signer.seed, changed), '')));
  };

  test.each([
    ['anima:directory:v2', 'unsupported_suite'],
    ['anima:directory:v01', 'unsupported_suite'],
    ['anima:directory:v', 'malformed'],
    ['anima:directory:v1234567890', 'malformed'],
    ['anima:entry:v1', 'malformed'],
    ['', 'malformed'],
  ])('with the first field "%s" stops a reader', (name, reason) => {
    expect(outcomeWith({ 0: name })).toBe(`stop ${reason}`);
  });

  test('stops at each step of the page', () => {
    expect(outcomeWith({})).toBe('accept');
    expect(outcomeWith({ 1: otherOrg })).toBe('stop other_org');
    expect(outcomeWith({ 1: Uint8Array.of(255) })).toBe('stop malformed');
    expect(outcomeWith({ 2: u64Bytes(3) })).toBe('stop bad_sequence');
    expect(outcomeWith({ 2: new Uint8Array(8).fill(255) })).toBe('stop malformed');
    expect(outcomeWith({ 3: new Uint8Array(32) })).toBe('stop bad_previous_hash');
    expect(outcomeWith({ 4: 'promote' })).toBe('stop unknown_op');
    expect(outcomeWith({ 5: new Uint8Array(8192) })).toBe('stop malformed');
    expect(outcomeWith({ 6: new Uint8Array(4) })).toBe('stop malformed');
    expect(outcomeWith({ 7: generateEd25519KeyPair().publicKey })).toBe('stop unknown_signer');
    expect(outcomeWith({ 7: full.directory.authorities[1].publicKey })).toBe('stop bad_signature');
    expect(outcomeWith({ 8: full.directory.authorities[1].publicKey })).toBe('stop malformed');
  });

  test('has a cosignature exactly if it names a cosigner, who is another authority', () => {
    const [first, second] = full.directory.authorities;
    const { signature: _, cosignature: __, unsigned: ___, ...entry } = entryOf(step);
    const signed = (cosigner: Uint8Array<ArrayBuffer>, by = second) =>
      summary(applyEntry(step.before, signEntry({ ...entry, cosigner }, first, by)));
    // `admit` of a first device needs no cosigner, and must not have one.
    expect(signed(second.publicKey)).toBe('void forbidden');
    expect(signed(second.publicKey, first)).toBe('stop bad_signature');
    expect(signed(first.publicKey, first)).toBe('stop malformed');
    const stranger = generateEd25519KeyPair();
    expect(signed(stranger.publicKey, stranger)).toBe('stop unknown_signer');
    expect(signed(full.directory.recovery.publicKey, full.directory.recovery)).toBe('stop unknown_signer');
    const cosigned = signEntry({ ...entry, cosigner: second.publicKey }, first, second);
    const [bytes = expect.fail(), signature = expect.fail()] = decodeFieldBytes(cosigned) ?? [];
    expect(summary(applyEntry(step.before, encodeFieldBytes(bytes, signature, '')))).toBe('stop malformed');
  });
});

describe('fork, drop, reorder and replay', () => {
  test('no other order of the entries, and no subset without a prefix, is accepted', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...log.keys()].slice(0, 6), { minLength: 1 }), (order) => {
        let state = initialDirectory(org);
        let taken = 0;
        for (const at of order) {
          const outcome = applyEntry(state, log[at]?.signed ?? expect.fail());
          if (outcome.result === 'stop') break;
          state = outcome.state;
          taken++;
        }
        const prefix = order.findIndex((at, index) => at !== index);
        expect(taken).toBe(prefix < 0 ? order.length : prefix);
      }),
      { numRuns: 60 },
    );
  });

  test('an old entry is refused later, and an entry of one branch on the other', () => {
    const directory = new DirectorySimulator().begin();
    const start = directory.state;
    directory.admit('leftleftleftleft', 'owner');
    const left = directory.state;
    directory.state = start;
    directory.admit('rightrightrightr', 'owner');
    directory.admit('secondsecondseco', 'owner');
    const [, first = expect.fail(), , onRight = expect.fail()] = directory.log;
    expect(summary(applyEntry(left, onRight.signed))).toBe('stop bad_previous_hash');
    expect(summary(applyEntry(left, first.signed))).toBe('stop bad_sequence');
    expect(summary(applyEntry(initialDirectory(otherOrg), directory.log[0]?.signed ?? expect.fail()))).toBe(
      'stop other_org',
    );
  });

  test('the server can add nobody: an entry signed by a key that the chain does not name is refused', () => {
    const { directory, annAgent, annLaptop, broker, bobPhone } = full;
    const body = { op: 'suspend', subject: annAgent.id, certificate: new Uint8Array(0) } as const;
    const before = directory.state;
    for (const { ik } of [annAgent, annLaptop, broker, bobPhone, { ik: generateEd25519KeyPair() }])
      expect(summary(directory.write(ik, body))).toBe('stop unknown_signer');
    expect(directory.state).toBe(before);
  });

  test('the first entry is a genesis, signed by one of its authorities, with a recovery key that somebody has', () => {
    const [genesis = expect.fail()] = log;
    const { unsigned: _, signature: __, cosignature: ___, ...entry } = entryOf(genesis);
    const outcome = (changes: Partial<typeof entry>, by = genesis.signer, cosigner?: typeof by) =>
      summary(applyEntry(initialDirectory(org), signEntry({ ...entry, ...changes }, by, cosigner)));
    expect(outcome({})).toBe('accept');
    const stranger = generateEd25519KeyPair();
    expect(outcome({ signer: stranger.publicKey }, stranger)).toBe('stop bad_genesis');
    expect(outcome({}, stranger)).toBe('stop bad_signature');
    const { recovery } = full.directory;
    expect(outcome({ signer: recovery.publicKey }, recovery)).toBe('stop bad_genesis');
    expect(outcome({ cosigner: recovery.publicKey }, genesis.signer, recovery)).toBe('stop bad_genesis');
    expect(outcome({ op: 'rotate' })).toBe('stop bad_genesis');
    const unproven = full.directory.keysBody('genesis', full.directory.authorities, stranger);
    const body = unproven.op === 'genesis' ? { ...unproven, recovery: recovery.publicKey } : expect.fail();
    expect(outcome({ body: encodeBody(body) })).toBe('stop bad_genesis');
    expect(outcome({ time: now + 1 })).toBe('accept');
  });
});

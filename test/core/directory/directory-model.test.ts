/** Random operations by random signers, against a plain model of the rules of docs/format-directory.md. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EntryBody } from '../../../core/directory/entry-bodies.ts';
import { mayWrite } from '../../../core/directory/may-write.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { decodeDirectoryState, encodeDirectoryState } from '../../../core/directory/state-snapshot.ts';
import { type Ed25519KeyPair, generateEd25519KeyPair } from '../../../core/hazmat/ed25519.ts';
import {
  ann,
  bob,
  DirectorySimulator,
  factsOf,
  later,
  newDevice,
  now,
  org,
  summary,
  type TestDevice,
} from './directory-simulator.ts';

type Role = 'owner' | 'agent' | 'broker';

interface ModelDevice {
  readonly person: string;
  readonly role: Role;
  confirmed: boolean;
  status: 'active' | 'suspended' | 'revoked';
}

/** How often each result occurred. */
const reached = new Map<string, number>();

/** Every test run uses the same keys, because making keys takes most of the time. */
const pool = Array.from({ length: 7 }, () => newDevice());
const spares = Array.from({ length: 3 }, () => generateEd25519KeyPair());

/** The rules in as few words as possible. Signers and devices are numbers. */
class Model {
  readonly devices = new Map<string, ModelDevice>();
  readonly links = new Map<string, Set<string>>();
  readonly recovery: Ed25519KeyPair;
  authorities: readonly Ed25519KeyPair[];
  readonly retired: Ed25519KeyPair[] = [];

  constructor(authorities: readonly Ed25519KeyPair[], recovery: Ed25519KeyPair) {
    this.authorities = authorities;
    this.recovery = recovery;
  }

  kindOf(signer: Ed25519KeyPair): 'authority' | 'recovery' | ModelDevice | undefined {
    if (this.authorities.includes(signer)) return 'authority';
    if (signer === this.recovery) return 'recovery';
    const device = pool.find(({ ik }) => ik === signer);
    const found = device && this.devices.get(device.id);
    return found?.role === 'owner' && found.confirmed && found.status === 'active' ? found : undefined;
  }

  owners(person: string): ModelDevice[] {
    return [...this.devices.values()].filter((device) => device.person === person && device.role === 'owner');
  }

  isEstablished(person: string): boolean {
    return this.owners(person).some(({ confirmed, status }) => confirmed && status !== 'revoked');
  }

  admit(device: TestDevice, person: string, role: Role, isStrong: boolean): string {
    const [isEstablished, isNew] = [this.isEstablished(person), this.owners(person).length === 0];
    const isLost = !isEstablished && !isNew;
    if (this.devices.has(device.id)) return 'void key_reused';
    if (isStrong && !(role === 'owner' && isLost)) return 'void forbidden';
    if (!isStrong && !isEstablished && !(role === 'owner' && isNew)) return 'void no_owner';
    this.devices.set(device.id, { person, role, confirmed: !isEstablished, status: 'active' });
    return 'accept';
  }

  setStatus(by: 'authority' | ModelDevice, op: 'suspend' | 'resume' | 'revoke', id: string): string {
    const device = this.devices.get(id);
    if (device === undefined) return 'void unknown_subject';
    if (by !== 'authority' && (device.role !== 'agent' || device.person !== by.person)) return 'void forbidden';
    const { status } = device;
    if (op === 'suspend' && status !== 'active') return 'void not_active';
    if (op === 'resume' && status !== 'suspended') return 'void not_suspended';
    if (op === 'revoke' && status === 'revoked') return 'void revoked';
    device.status = ({ suspend: 'suspended', resume: 'active', revoke: 'revoked' } as const)[op];
    return 'accept';
  }

  link(key: string, ends: readonly string[]): string {
    const found = ends.map((id) => this.devices.get(id));
    if (ends[0] === ends[1] || !found.every((end) => end?.role === 'agent' && end.status !== 'revoked'))
      return 'void unknown_subject';
    if (this.links.has(key)) return 'void already_linked';
    this.links.set(key, new Set(found.map((end) => end?.person ?? '')));
    return 'accept';
  }

  countersignDevice(by: ModelDevice, id: string): string {
    const device = this.devices.get(id);
    if (device === undefined) return 'void unknown_subject';
    if (device.confirmed || device.status === 'revoked') return 'void not_pending';
    if (device.person !== by.person) return 'void forbidden';
    device.confirmed = true;
    return 'accept';
  }

  countersignLink(by: ModelDevice, key: string): string {
    const waiting = this.links.get(key);
    if (waiting === undefined) return 'void unknown_subject';
    if (waiting.size === 0) return 'void not_pending';
    return waiting.delete(by.person) ? 'accept' : 'void forbidden';
  }

  rotate(authorities: readonly Ed25519KeyPair[]): string {
    if (authorities.some((key) => this.retired.includes(key))) return 'void key_reused';
    this.retired.push(...this.authorities.filter((key) => !authorities.includes(key)));
    this.authorities = authorities;
    return 'accept';
  }

  mayWrite(from: string, to: string): boolean {
    const isUsable = (id: string) => {
      const device = this.devices.get(id);
      return device?.role === 'agent' && device.confirmed && device.status === 'active';
    };
    return isUsable(from) && isUsable(to) && this.links.get([from, to].toSorted().join())?.size === 0;
  }
}

const index = fc.nat({ max: pool.length - 1 });
/** Mostly the agents that exist from the start. */
const linkEnd = fc.constantFrom(2, 2, 3, 3, 4);
const person = fc.constantFrom(ann, bob);
const role = fc.constantFrom<Role>('owner', 'owner', 'agent', 'agent', 'broker');
/** Mostly authorities and the first devices, so that most operations get past their signer. */
const signer = fc.oneof(
  { weight: 6, arbitrary: fc.constant('authority' as const) },
  { weight: 1, arbitrary: fc.constantFrom('second', 'recovery', 'stranger', 'retired') },
  { weight: 5, arbitrary: fc.constantFrom(0, 1) },
  { weight: 1, arbitrary: index },
);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('admit' as const), device: index, person, role }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('countersign' as const), device: index }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom('suspend', 'resume', 'revoke'),
      device: fc.constantFrom(0, 1, 2, 2, 3, 4),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom('link', 'unlink', 'countersign link'), a: linkEnd, b: linkEnd }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('rotate' as const), spare: fc.nat({ max: 2 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
type Signer = typeof signer extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly directory = new DirectorySimulator().begin();
  readonly model = new Model(this.directory.authorities, this.directory.recovery);

  /** Both persons have a first device, and an agent, which is pending. */
  constructor() {
    for (const [position, owner] of ([ann, bob, ann, bob] as const).entries())
      this.perform(
        { op: 'admit', device: position, person: owner, role: position < 2 ? 'owner' : 'agent' },
        'authority',
        false,
      );
    this.perform({ op: 'link', a: 2, b: 3 }, 'authority', false);
  }

  /** Performs an action in the directory and in the model, and compares the results. */
  perform(chosen: Action, chosenSigner: Signer, isCosigned: boolean): void {
    const key = this.keyOf(chosenSigner);
    const cosigner = isCosigned ? this.cosignerOf(key) : undefined;
    const expected = this.expected(chosen, key, cosigner !== undefined);
    const outcome = this.directory.write(key, this.bodyOf(chosen), cosigner);
    expect(`${chosen.op} ${summary(outcome)}`).toBe(`${chosen.op} ${expected}`);
    reached.set(`${chosen.op} ${expected}`, (reached.get(`${chosen.op} ${expected}`) ?? 0) + 1);
  }

  keyOf(chosen: Signer): Ed25519KeyPair {
    if (typeof chosen === 'number') return at(chosen).ik;
    const [first = expect.fail(), second = first] = this.model.authorities;
    const [retired = second] = this.model.retired;
    return { authority: first, second, retired, recovery: this.model.recovery, stranger: spares[2] ?? first }[
      chosen as 'authority'
    ];
  }

  bodyOf(chosen: Action): EntryBody {
    const id = 'device' in chosen ? at(chosen.device).id : '';
    switch (chosen.op) {
      case 'admit':
        return { op: 'admit', device: factsOf(at(chosen.device), chosen.person, chosen.role, { expires: later }) };
      case 'countersign':
        return {
          op: 'countersign',
          subject: id,
          entry: this.directory.state.devices.get(id)?.entry ?? new Uint8Array(32),
        };
      case 'suspend':
      case 'revoke':
        return { op: chosen.op, subject: id, certificate: new Uint8Array(0) };
      case 'resume':
        return { op: 'resume', subject: id };
      case 'rotate':
        return this.directory.keysBody('rotate', [spares[chosen.spare] ?? expect.fail(), this.directory.authority]);
      default:
        return this.linkBody(chosen);
    }
  }

  linkBody(chosen: Action & { readonly a: number; readonly b: number }): EntryBody {
    const [a = '', b = ''] = endsOf(chosen);
    const link = [...this.directory.state.links.values()].find((one) => one.a === a && one.b === b);
    if (chosen.op === 'countersign link')
      return { op: 'countersign', subject: link?.id ?? '0'.repeat(32), entry: link?.entry ?? new Uint8Array(32) };
    return { op: chosen.op === 'link' ? 'link' : 'unlink', a, b };
  }

  /** What the model says about an action, and its effect on the model. */
  expected(chosen: Action, key: Ed25519KeyPair, isCosigned: boolean): string {
    const kind = this.model.kindOf(key);
    if (kind === undefined || (isCosigned && this.cosignerOf(key) === undefined)) return 'stop unknown_signer';
    const isStrong = kind === 'recovery' || isCosigned;
    if (isCosigned && kind !== 'authority') return 'void forbidden';
    if (chosen.op === 'rotate') {
      const keys = [spares[chosen.spare] ?? expect.fail(), this.directory.authority];
      return isStrong ? this.model.rotate(keys) : 'void forbidden';
    }
    if (chosen.op === 'admit') {
      if (kind !== 'authority' && kind !== 'recovery') return 'void forbidden';
      return this.model.admit(at(chosen.device), chosen.person, chosen.role, isStrong);
    }
    return isStrong ? 'void forbidden' : this.#expectedOf(chosen, kind);
  }

  #expectedOf(chosen: Action, kind: 'authority' | 'recovery' | ModelDevice): string {
    const isAuthority = kind === 'authority';
    if (kind === 'recovery') return 'void forbidden';
    switch (chosen.op) {
      case 'countersign':
        return isAuthority ? 'void forbidden' : this.model.countersignDevice(kind, at(chosen.device).id);
      case 'suspend':
        return this.model.setStatus(kind, 'suspend', at(chosen.device).id);
      case 'resume':
      case 'revoke':
        return isAuthority ? this.model.setStatus(kind, chosen.op, at(chosen.device).id) : 'void forbidden';
      case 'countersign link':
        return isAuthority ? 'void forbidden' : this.model.countersignLink(kind, endsOf(chosen).join());
      case 'link':
        return isAuthority ? this.model.link(endsOf(chosen).join(), endsOf(chosen)) : 'void forbidden';
      case 'unlink':
        if (!isAuthority) return 'void forbidden';
        return this.model.links.delete(endsOf(chosen).join()) ? 'accept' : 'void not_linked';
      default:
        return expect.fail(chosen.op);
    }
  }

  cosignerOf(key: Ed25519KeyPair): Ed25519KeyPair | undefined {
    return this.model.authorities.find((other) => other !== key);
  }
}

const at = (position: number): TestDevice => pool[position] ?? expect.fail();
const endsOf = (chosen: Action): string[] =>
  'a' in chosen ? [at(chosen.a).id, at(chosen.b).id].toSorted() : expect.fail();

test('every reader comes to the result of the rules, whatever is signed by whomever', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(action, signer, fc.nat({ max: 9 })), { minLength: 10, maxLength: 20 }), (actions) => {
      const run = new Run();
      for (const [chosen, by, chance] of actions) run.perform(chosen, by, chosen.op === 'rotate' || chance === 0);
      const { state } = run.directory;
      const actual = state.devices.values().map(({ id, confirmed, status }) => [id, confirmed, status]);
      const modelled = [...run.model.devices].map(([id, { confirmed, status }]) => [id, confirmed, status]);
      expect(actual.toSorted()).toEqual(modelled.toSorted());
      for (const from of pool)
        for (const to of pool) expect(mayWrite(state, from.id, to.id, now)).toBe(run.model.mayWrite(from.id, to.id));
      // A client that stores its state goes on with the same one.
      const resumed = decodeDirectoryState(org, encodeDirectoryState(state));
      expect(encodeLeaves(resumed)).toEqual(encodeLeaves(state));
      expect([resumed.head, resumed.entries]).toEqual([state.head, state.entries]);
    }),
    { numRuns: 30 },
  );
  // The generator must reach what it is to prove.
  for (const result of [
    'admit accept',
    'admit void key_reused',
    'countersign accept',
    'revoke accept',
    'link accept',
    'countersign link accept',
    'rotate accept',
    'suspend accept',
    'admit stop unknown_signer',
  ])
    expect(reached.get(result) ?? 0, result).toBeGreaterThan(0);
});

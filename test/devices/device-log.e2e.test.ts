/** The log of a device vault over real HTTP with the deployed template (docs/device-service.md, sections 1 and 2). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import {
  type Alteration,
  createUser,
  type DeviceUser,
  expectOk,
  generateDeviceKeys,
  ServedVault,
  sendSigned,
} from './signed-device-requests.ts';

const stack = useLocalStack();
let user: DeviceUser;

beforeAll(async () => {
  user = await createUser(stack);
});

async function newVault(): Promise<{ vault: ServedVault; admin: DeviceKeys }> {
  const vault = new ServedVault(stack, user);
  return { vault, admin: await vault.begin() };
}

const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

describe('a vault', () => {
  test('is begun, written and read by its devices, and every entry comes back with its wraps', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin, 'data');
    await vault.put(second, 'note', 'text');
    const { entries, head, more } = await vault.read(second);
    expect({ head, more }).toEqual({ head: 3, more: false });
    const { log } = vault.simulator;
    expect(entries).toEqual(
      log.map(({ signed, wraps }) => ({ entry: toBase64(signed), ...(wraps && { wraps: toBase64(wraps) }) })),
    );
    expect(entries.map(({ wraps }) => wraps !== undefined)).toEqual([true, true, false]);
  });

  test('is read from any entry on, and page by page', async () => {
    const { vault, admin } = await newVault();
    for (let n = 0; n < 5; n++) await vault.put(admin, `note-${n}`, 'text');
    const all = (await vault.read(admin)).entries;
    expect(all).toHaveLength(6);
    expect((await vault.read(admin, '?after=4')).entries).toEqual(all.slice(4));
    expect(await vault.read(admin, '?after=1&limit=2')).toEqual({ entries: all.slice(1, 3), head: 6, more: true });
    expect(await vault.read(admin, '?after=6')).toEqual({ entries: [], head: 6, more: false });
    expect(await vault.read(admin, '?after=999999')).toEqual({ entries: [], head: 6, more: false });
  });

  test('is listed for its user, without content', async () => {
    const owner = await createUser(stack);
    const vault = new ServedVault(stack, owner);
    const admin = await vault.begin();
    await vault.add(admin);
    const answer = await stack.http('GET', '/v1/device-vaults', { key: owner.key });
    expect(await answer.json()).toEqual({
      vaults: [
        {
          vault: vault.scope.vault,
          state: 'active',
          createdAt: expect.stringMatching(/Z$/),
          seq: 2,
          devices: 2,
          hasRecovery: false,
        },
      ],
    });
  });

  test('is begun once: the same request again gets the same answer, another genesis none', async () => {
    const { vault } = await newVault();
    expect((await vault.postGenesis()).status).toBe(201);
    const other = new ServedVault(stack, user);
    Object.assign(other.scope, vault.scope);
    await other.simulator.begin();
    await expectProblem(await other.postGenesis(), 'device_vault_exists');
  });

  test('of another user or with other wraps is not begun', async () => {
    const mine = new ServedVault(stack, user);
    await mine.simulator.begin();
    const other = new ServedVault(stack, await createUser(stack));
    await other.simulator.begin();
    const post = (body: object) => stack.http('POST', '/v1/device-vaults', { key: user.key, body });
    await expectProblem(await post({ ...other.genesisBody(), vault: mine.scope.vault }), 'entry_refused');
    const { wraps } = other.genesisBody() as { wraps: string };
    await expectProblem(await post({ ...mine.genesisBody(), wraps }), 'entry_refused');
    expect((await mine.postGenesis()).status).toBe(201);
  });

  test('is one of at most 16 of its user', async () => {
    const owner = await createUser(stack);
    for (let n = 0; n < 16; n++) await new ServedVault(stack, owner).begin();
    const more = new ServedVault(stack, owner);
    await more.simulator.begin();
    await expectProblem(await more.postGenesis(), 'too_many_device_vaults');
  });
});

describe('an entry', () => {
  test('sent again gets the same answer, and another one in its place a conflict', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    const before = vault.simulator.state;
    await vault.put(admin, 'a', 'one');
    const won = vault.lastBody();
    vault.simulator.state = before;
    await vault.simulator.put(second, 'a', 'two');
    await expectProblem(await vault.pushLast(second), 'log_conflict');
    expect(await (await vault.send(admin, 'POST', '/log', won)).json()).toEqual({ seq: 3 });
    expect((await vault.read(admin)).head).toBe(3);
  });

  test('of two that race has one winner, and no other effect', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    const before = vault.simulator.state;
    const bodies: { keys: DeviceKeys; body: { entry: string } }[] = [];
    for (const keys of [admin, second, admin, second]) {
      vault.simulator.state = before;
      await vault.simulator.put(keys, 'a', Math.random().toString());
      bodies.push({ keys, body: vault.lastBody() });
    }
    const answers = await Promise.all(bodies.map(({ keys, body }) => vault.send(keys, 'POST', '/log', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const won = bodies[answers.findIndex(({ status }) => status === 200)] ?? expect.fail();
    const { entries, head } = await vault.read(admin);
    expect([entries.length, head, entries.at(-1)?.entry]).toEqual([3, 3, won.body.entry]);
  });

  test('that a device would stop at is refused with the reason, and nothing changes', async () => {
    const { vault, admin } = await newVault();
    const stranger = await generateDeviceKeys(false);
    const { simulator } = vault;
    await simulator.put(admin, 'a', 'text');
    const { signed } = simulator.log.at(-1) ?? expect.fail();
    const flip = (at: number) => {
      const altered = signed.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      return altered;
    };
    const other = await newVault();
    await other.vault.simulator.put(other.admin, 'a', 'text');
    const foreign = other.vault.simulator.log.at(-1)?.signed ?? expect.fail();
    const begun = simulator.log[0]?.before ?? expect.fail();
    const asStranger = Object.assign(Object.create(Object.getPrototypeOf(simulator)), simulator);
    await asStranger.write(stranger, simulator.draft(stranger, 'heartbeat', new Uint8Array(0)));
    for (const [entry, reason] of [
      [flip(signed.length - 1), 'bad_signature'],
      [signed.slice(0, -1), 'malformed'],
      [foreign, 'other_vault'],
      [new Uint8Array([1, 2, 3]), 'malformed'],
    ] as const) {
      const answer = await vault.send(admin, 'POST', '/log', { entry: toBase64(entry) });
      const problem = await expectProblem(answer, 'entry_refused');
      expect(problem.detail).toContain(reason);
    }
    expect(begun.head.seq).toBe(0);
    expect((await vault.read(admin)).head).toBe(1);
  });

  test('of another member, or with attachments of another entry, is refused', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    const before = vault.simulator.state;
    await vault.simulator.put(admin, 'a', 'text');
    await expectProblem(await vault.pushLast(second), 'entry_refused');
    const records = vault.lastBody();
    vault.simulator.state = before;
    await vault.simulator.writeRoster(admin, { kind: 'rotate' });
    const rotate = vault.lastBody();
    const { wraps: _, ...without } = rotate;
    const post = (body: object) => vault.send(admin, 'POST', '/log', body);
    await expectProblem(await post(without), 'entry_refused');
    await expectProblem(await post({ ...rotate, wraps: toBase64(new Uint8Array(300)) }), 'entry_refused');
    await expectProblem(await post({ ...records, wraps: rotate.wraps }), 'entry_refused');
    await expectProblem(await post({ ...rotate, recoveryBox: toBase64(new Uint8Array(300)) }), 'entry_refused');
    expect((await vault.read(admin)).head).toBe(2);
    await expectOk(await post(rotate));
  });

  test('that is void for all devices is stored, and has no effect on members', async () => {
    const { vault, admin } = await newVault();
    const data = await vault.add(admin, 'data');
    // A `data` member may not remove anybody.
    const outcome = await vault.simulator.writeRoster(data, { kind: 'remove', device: admin.id });
    expect(outcome.result).toBe('void');
    await expectOk(await vault.pushLast(data));
    expect((await vault.read(admin)).head).toBe(3);
  });
});

describe('a removed device', () => {
  test('is refused from the next request on, and so is all that it signs', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    await vault.read(second);
    await vault.roster(admin, { kind: 'remove', device: second.id });
    await expectProblem(await vault.send(second, 'GET', '/log'), 'device_refused');
    await expectProblem(await vault.send(second, 'GET', '/pairings'), 'device_refused');
    const late = vault.simulator.draft(second, 'heartbeat', new Uint8Array(0));
    await vault.simulator.write(second, late);
    await expectProblem(await vault.pushLast(second), 'device_refused');
    await expectProblem(await vault.pushLast(admin), 'entry_refused');
  });

  test('that left is refused, and records wait for the next epoch', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    await vault.roster(second, { kind: 'leave' });
    await expectProblem(await vault.send(second, 'GET', '/log'), 'device_refused');
    await vault.simulator.put(admin, 'a', 'text');
    const answer = await vault.pushLast(admin);
    expect((await expectProblem(answer, 'entry_refused')).detail).toContain('rotation_due');
    await vault.roster(admin, { kind: 'rotate' });
    await vault.put(admin, 'a', 'text');
  });
});

describe('the signature of a request', () => {
  let vault: ServedVault;
  let admin: DeviceKeys;
  let other: { vault: ServedVault; admin: DeviceKeys };
  beforeAll(async () => {
    ({ vault, admin } = await newVault());
    other = await newVault();
    await vault.simulator.put(admin, 'a', 'text');
  });
  const now = () => Math.floor(Date.now() / 1000);
  const replaced = (name: 'content-digest' | 'signature-input' | 'signature', change: (text: string) => string) => ({
    headers: (signed: Record<typeof name, string>) => ({ ...signed, [name]: change(signed[name]) }),
  });
  const alterations: Record<string, () => Alteration> = {
    'another method': () => ({ target: { method: 'PUT' } }),
    'another host': () => ({ target: { authority: 'vault.example' } }),
    'another path': () => ({ target: { path: '/v1/device-vaults' } }),
    'another query': () => ({ target: { query: 'after=0' } }),
    'another body': () => ({ signedBody: '{}' }),
    'another vault': () => ({ scope: other.vault.scope }),
    'another user': () => ({ scope: { ...vault.scope, user: '0'.repeat(16) } }),
    'another org': () => ({ scope: { ...vault.scope, org: '0'.repeat(16) } }),
    'the digest of another body': () => replaced('content-digest', () => `sha-256=:${toBase64(new Uint8Array(32))}:`),
    'two digests': () => replaced('content-digest', (text) => `${text}, sha-512=:AA==:`),
    'a component left out': () => replaced('signature-input', (text) => text.replace(' "@query"', '')),
    'another tag': () => replaced('signature-input', (text) => text.replace('anima-device-v1', 'other')),
    'no algorithm': () => replaced('signature-input', (text) => text.replace(';alg="ecdsa-p256-sha256"', '')),
    'another time': () => replaced('signature-input', (text) => text.replace(/created=\d+/, `created=${now() + 1}`)),
    'a further parameter': () => replaced('signature-input', (text) => `${text};nonce="x"`),
    'two signatures': () => replaced('signature', (text) => `${text}, other=:${'A'.repeat(86)}==:`),
    'another label': () => replaced('signature', (text) => text.replace('anima', 'sig1')),
    'no signature': () => ({ headers: ({ signature: _, ...rest }) => rest }),
    'a high s': () =>
      replaced('signature', (text) => {
        const bytes = fromBase64(text.slice('anima=:'.length, -1));
        const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
        const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).toString('hex')}`);
        const high = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex');
        return `anima=:${toBase64(Buffer.concat([bytes.subarray(0, 32), high]))}:`;
      }),
  };

  test.each(Object.keys(alterations))('does not hold with %s', async (name) => {
    const altered = alterations[name]?.() ?? expect.fail();
    await expectProblem(await vault.send(admin, 'POST', '/log', vault.lastBody(), altered), 'device_refused');
    expect((await vault.read(admin)).head).toBe(1);
  });

  test.each([-61, 62, -86_400])('does not hold %s seconds off, and the answer says so', async (off) => {
    const answer = await vault.send(admin, 'GET', '/log', undefined, { created: now() + off });
    await expectProblem(answer, 'request_expired');
    expect(Math.abs(Date.parse(answer.headers.get('date') ?? '') - Date.now())).toBeLessThan(30_000);
  });

  test.each([-50, 50])('holds %s seconds off', async (off) => {
    await expectOk(await vault.send(admin, 'GET', '/log', undefined, { created: now() + off }));
  });

  test('of a member of another vault, or of a device that nobody knows, does not hold', async () => {
    await expectProblem(await vault.send(other.admin, 'GET', '/log'), 'device_refused');
    await expectProblem(await vault.send(await generateDeviceKeys(false), 'GET', '/log'), 'device_refused');
    const path = `/v1/device-vaults/${other.vault.scope.vault}/log`;
    await expectProblem(await sendSigned(stack, admin, vault.scope, 'GET', path), 'device_refused');
  });

  test('is not replaced by a user key or an API key', async () => {
    for (const key of [user.key, stack.vault.adminKey, undefined]) {
      await expectProblem(await stack.http('GET', `${vault.path}/log`, { key }), 'device_refused');
    }
  });
});

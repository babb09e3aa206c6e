/** The message of a pairing that is sent with the entry `add`, over real HTTP (docs/device-service.md, section 3). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { PairingInfo } from '../../contract/devices/wire.ts';
import { zeroHash } from '../../core/devices/chain-entry.ts';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { accepted } from '../core/devices/vault-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createUser, expectOk, generateDeviceKeys, memberOf, ServedVault } from './signed-device-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
beforeEach(() => stack.vault.setHooks());

const base64 = (text: string): string => toBase64(utf8Bytes(text));
const answer = base64('answer');

/** A vault with one admin, a pairing that a new device began, and the request that adds the device. */
async function begin() {
  const vault = new ServedVault(stack, await createUser(stack));
  const admin = await vault.begin();
  const pairing = randomId();
  const asNew = (method: string, rest = '', body?: object) =>
    stack.http(method, `${vault.path}/pairings/${pairing}${rest}`, { key: vault.user.key, body });
  await expectOk(await asNew('PUT', '/new/1', { message: base64('keys') }));
  const device = await generateDeviceKeys(false);
  const start = vault.simulator.state;
  const change = { kind: 'add', member: memberOf(device, 'data'), pairing, transcript: zeroHash } as const;
  accepted(await vault.simulator.writeRoster(admin, change));
  const body = { ...vault.lastBody(), pairing: { pairing, message: answer } };
  const post = (sent: object = body) => vault.send(admin, 'POST', '/log', sent);
  const messages = async (): Promise<PairingInfo> => await (await asNew('GET')).json();
  return { vault, admin, device, pairing, start, body, post, asNew, messages };
}
type Begun = Awaited<ReturnType<typeof begin>>;

/** Requires that neither the entry nor the message of a refused request was stored. */
async function expectNothingStored({ vault, admin, messages }: Begun, approver: string[] = []): Promise<void> {
  expect((await vault.read(admin)).head).toBe(1);
  expect((await messages()).approver).toEqual(approver);
}

const headAt = async ({ vault }: Begun, keys: DeviceKeys) => (await vault.read(keys)).head;

describe('the message with an entry `add`', () => {
  test('is there for the new device, which is a member then; the same request again gets the same answer', async () => {
    const begun = await begin();
    for (const _ of ['first', 'again']) {
      const sent = await begun.post();
      await expectOk(sent);
      expect(await sent.json()).toEqual({ seq: 2 });
    }
    expect(await begun.messages()).toMatchObject({ new: [base64('keys')], approver: [answer] });
    expect(await headAt(begun, begun.device)).toBe(2);
  });

  test('that is there already is completed by its entry', async () => {
    const begun = await begin();
    const put = { message: answer };
    await expectOk(await begun.vault.send(begun.admin, 'PUT', `/pairings/${begun.pairing}/approver/1`, put));
    await expectOk(await begun.post());
    expect((await begun.messages()).approver).toEqual([answer]);
  });

  test('with another message in its place, nothing is stored', async () => {
    const begun = await begin();
    const put = { message: base64('other') };
    await expectOk(await begun.vault.send(begun.admin, 'PUT', `/pairings/${begun.pairing}/approver/1`, put));
    const problem = await expectProblem(await begun.post(), 'pairing_conflict');
    expect(problem.detail).toContain('Neither');
    await expectNothingStored(begun, [base64('other')]);
  });

  test('after the pairing was ended, or has expired, nothing is stored: nobody waits to be added', async () => {
    const ended = await begin();
    await expectOk(await ended.vault.send(ended.admin, 'DELETE', `/pairings/${ended.pairing}`));
    await expectProblem(await ended.post(), 'pairing_not_found');
    expect(await headAt(ended, ended.admin)).toBe(1);
    const expired = await begin();
    const table = stack.table('DeviceCustodyRostersTable');
    const items = await stack.allItems(table);
    const item = items.find(({ id }) => id?.S?.endsWith(`/${expired.pairing}`)) ?? expect.fail();
    await stack.putItem(table, { ...item, expiresAt: { S: new Date(Date.now() - 1000).toISOString() } });
    await expectProblem(await expired.post(), 'pairing_not_found');
    expect(await headAt(expired, expired.admin)).toBe(1);
  });

  test('of another pairing, or with an entry of another kind, is refused', async () => {
    const begun = await begin();
    const { vault, admin, body, post, pairing, start } = begun;
    await expectProblem(await post({ ...body, pairing: { pairing: randomId(), message: answer } }), 'entry_refused');
    vault.simulator.state = start;
    await vault.simulator.put(admin, 'a', 'text');
    const records = { ...vault.lastBody(), pairing: { pairing, message: answer } };
    const problem = await expectProblem(await post(records), 'entry_refused');
    expect(problem.detail).toContain('Nothing was stored');
    await expectNothingStored(begun);
  });

  test.each([
    { pairing: 'short', message: answer },
    { pairing: 'a'.repeat(16), message: 'A' },
    { pairing: 'a'.repeat(16), message: base64('x'.repeat(1_027)) },
    { pairing: 'a'.repeat(16) },
    { pairing: 'a'.repeat(16), message: answer, step: '1' },
  ])('in another form is refused: %#', async (pairing) => {
    const begun = await begin();
    await expectProblem(await begun.post({ ...begun.body, pairing }), 'invalid_request');
    await expectNothingStored(begun);
  });

  test('of an entry that lost its place is not stored', async () => {
    const begun = await begin();
    const { vault, admin, start, post } = begun;
    vault.simulator.state = start;
    await vault.put(admin, 'a', 'text');
    await expectProblem(await post(), 'log_conflict');
    expect((await begun.messages()).approver).toEqual([]);
  });
});

describe('a request that ends between the entry and the message', () => {
  /** Fails the write of the message. */
  async function interrupted() {
    const begun = await begin();
    stack.vault.setHooks({
      before: ({ action, input }) =>
        action === 'UpdateItem' && JSON.stringify(input).includes(`/${begun.pairing}"`)
          ? { type: 'AccessDeniedException', status: 400, message: 'no' }
          : undefined,
    });
    expect((await begun.post()).status).toBe(500);
    stack.vault.setHooks();
    expect((await begun.messages()).approver).toEqual([]);
    return begun;
  }

  test('is completed by the same request', async () => {
    const begun = await interrupted();
    await expectOk(await begun.post());
    expect((await begun.messages()).approver).toEqual([answer]);
    expect(await headAt(begun, begun.device)).toBe(2);
  });

  test('is answered as stored when the pairing has ended: the entry stays', async () => {
    const begun = await interrupted();
    await expectOk(await begun.vault.send(begun.admin, 'DELETE', `/pairings/${begun.pairing}`));
    const again = await begun.post();
    await expectOk(again);
    expect(await again.json()).toEqual({ seq: 2 });
    await expectProblem(await begun.asNew('GET'), 'pairing_not_found');
    expect(await headAt(begun, begun.device)).toBe(2);
  });

  test('does not accept another entry in its place', async () => {
    const begun = await interrupted();
    const { vault, admin, start, pairing, post } = begun;
    vault.simulator.state = start;
    const other = { member: memberOf(await generateDeviceKeys(false), 'admin'), pairing, transcript: zeroHash };
    accepted(await vault.simulator.writeRoster(admin, { kind: 'add', ...other }));
    await expectProblem(
      await post({ ...vault.lastBody(), pairing: { pairing, message: base64('b') } }),
      'log_conflict',
    );
    expect((await begun.messages()).approver).toEqual([]);
  });
});

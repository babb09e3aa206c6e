/**
 * Device vaults of the SDK, opened by a reader in Python that was written from the pages alone
 * (test/devices/python-reader). It shares no code, language or library with this project.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import type { DeviceRole, DeviceVault } from '../../sdk/src/device/index.ts';
import { createUser, type DeviceUser } from '../devices/signed-device-requests.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { ExportableDevice, exportLog } from './exported-device-vault.ts';
import { runProgram } from './run-program.ts';

const commands = inject('pythonCommands');
const minutes = 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'anima-reader-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Runs a file of the reader. `-B`: it leaves no compiled files in the work tree. */
const runPython = (file: string, ...args: string[]) =>
  runProgram(join(commands ?? '', 'python'), ['-B', pathOf(`test/devices/python-reader/${file}`), ...args]);

/** What the reader reports. */
interface Report {
  readonly stop: { readonly seq: number; readonly reason: string } | null;
  readonly refused?: string;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly reader?: { readonly id: string; readonly isMember: boolean };
  readonly epoch: number;
  readonly members: readonly { readonly id: string; readonly role: string; readonly label: string | null }[];
  readonly epochs: readonly { readonly epoch: number; readonly hasKey: boolean }[];
  readonly keyProblems: readonly unknown[];
  readonly voidEntries: readonly unknown[];
  readonly voidChanges: readonly unknown[];
  readonly records: readonly {
    readonly type: string;
    readonly id: string;
    readonly state: string;
    readonly contentVersion?: number;
    readonly device?: string;
    readonly body?: string;
  }[];
}

async function read(vault: object): Promise<Report> {
  const file = join(scratch, 'vault.json');
  writeFileSync(file, JSON.stringify(vault));
  const { stdout, output } = await runPython('read_device_vault.py', file);
  if (stdout === '') expect.fail(output);
  return JSON.parse(stdout);
}

/** A record in the plain export (docs/format-devices.md, section 2). */
interface ExportedRecord {
  readonly type: string;
  readonly id: string;
  readonly isDeleted: boolean;
  readonly data?: unknown;
  readonly versions: readonly { readonly version: number; readonly device: string }[];
}

/** What the SDK says about the same vault, in the words of the reader. */
async function expectSame(report: Report, vault: DeviceVault): Promise<void> {
  const exported = JSON.parse(await vault.exportJson());
  expect(report).toMatchObject({ stop: null, keyProblems: [], voidEntries: [], voidChanges: [] });
  expect(report.head).toEqual(exported.head);
  expect(report.epochs.every(({ hasKey }) => hasKey)).toBe(true);
  const members = (await vault.devices()).map(({ id, role, label }) => ({ id, role, label: label ?? null }));
  expect(report.members).toEqual(members.sort((a, b) => (a.id < b.id ? -1 : 1)));
  const records = exported.records.map(({ type, id, isDeleted, data, versions: [newest] }: ExportedRecord) => {
    const state = isDeleted ? 'tombstone' : 'live';
    return { type, id, state, contentVersion: newest?.version, device: newest?.device, data };
  });
  expect(report.records.map(toComparable)).toEqual(records);
}

const toComparable = ({ type, id, state, contentVersion, device, body }: Report['records'][number]) => {
  const data = body === undefined ? undefined : JSON.parse(body).data;
  return { type, id, state, contentVersion, device, data };
};

describe.skipIf(commands === null)('the reader of device vaults in Python', { timeout: 5 * minutes }, () => {
  test('recomputes every example of the pages', async () => {
    const pages = ['docs/format-devices.md', 'docs/device-service.md'].map(pathOf);
    const { code, stdout, output } = await runPython('check_examples.py', ...pages);
    expect(
      code,
      output
        .split('\n')
        .filter((line) => !line.startsWith('ok '))
        .join('\n'),
    ).toBe(0);
    // A run that finds no example would pass too.
    expect(Number(/(\d+) of \1 checks passed/.exec(stdout)?.[1])).toBeGreaterThan(150);
  });

  test('passes the tests of its author', async () => {
    const { code, output } = await runPython('test_reader.py');
    expect(code, output).toBe(0);
    expect(output).toMatch(/^\d{3} synthetic checks passed$/m);
  });
});

describe.skipIf(commands === null)('a vault of the SDK, in Python', { timeout: 5 * minutes }, () => {
  let stack: LocalStack;
  let user: DeviceUser;
  let laptop: ExportableDevice;
  let first: DeviceVault;

  beforeAll(async () => {
    const assembly = join(scratch, 'assembly');
    vaultApp({ outdir: assembly, context: { responder: 'sample' } }).synth();
    stack = await startLocalStack({ assembly });
    user = await createUser(stack);
    laptop = newDevice();
    first = await laptop.vaults.create({ label: 'Laptop é' });
  }, 5 * minutes);
  afterAll(async () => await stack?.vault.close());

  const newDevice = () => new ExportableDevice(stack, user);
  const log = (by: ExportableDevice) => exportLog(stack, first.scope, by.keys);
  const recoveryBox = async (): Promise<string> => {
    const answer = await stack.http('GET', `/v1/device-vaults/${first.scope.vault}/recovery`, { key: user.key });
    return (await answer.json()).box;
  };

  async function pair(label: string, role: DeviceRole): Promise<[ExportableDevice, DeviceVault]> {
    const device = newDevice();
    const waiting = Promise.withResolvers<string>();
    const confirm = async () => true;
    const options = {
      vault: first.scope.vault,
      confirm,
      onWaiting: (p: { pairing: string }) => waiting.resolve(p.pairing),
    };
    const joined = device.vaults.join(options);
    await first.approve(await waiting.promise, { confirm, role, label });
    return [device, await joined];
  }

  /** Records of several versions, a merge, a decided conflict and a deletion, by two devices. */
  async function writeRecords(second: DeviceVault): Promise<void> {
    const memory = first.records('memory');
    await memory.put({ text: 'x'.repeat(1_000) }, { id: 'long' });
    await memory.put('short', { id: 'gone' });
    await first.records('todo').put({ title: 'Shopping', items: 1 }, { id: 'shopping' });
    await second.sync();
    // Both change the todo on the same basis.
    await first.records('todo').put({ title: 'Groceries', items: 1 }, { id: 'shopping' });
    await second.records('todo').put({ title: 'Shopping', items: 2 }, { id: 'shopping' });
    expect((await second.records('todo').get('shopping'))?.data).toEqual({ title: 'Groceries', items: 2 });
    // A person must decide between two providers.
    await first.records('provider').put({ key: 'first' }, { id: 'model' });
    await second
      .records('provider')
      .put({ key: 'second' }, { id: 'model' })
      .catch(() => undefined);
    expect((await second.records('provider').conflicts()).map(({ id }) => id)).toEqual(['model']);
    await second.records('provider').resolve('model', 'mine');
    await first.sync();
    await memory.delete('gone');
  }

  test('opens by the keys of its devices, by its recovery codes, and after a recovery', async () => {
    const [phone, second] = await pair('Phone', 'admin');
    const [agent] = await pair('Agent', 'data');
    await writeRecords(second);
    await first.rotate();
    await first.records('session').put([1, 'two'], { id: 'session' });
    await first.records('memory').put('epoch two', { id: 'gone' });
    const { code } = await first.recoveryCode();
    await first.remove(agent.keys.id);
    await first.records('memory').delete('gone');
    await first.sync();
    await second.sync();
    expect(first.engine.view.state.epoch).toBe(4);

    const entries = await log(laptop);
    const byCode = { ...entries, recoveryCode: code.toLowerCase(), recoveryBox: await recoveryBox() };
    for (const device of [laptop, phone]) {
      const report = await read({ ...entries, ...(await device.credential()) });
      expect(report.reader).toMatchObject({ id: device.keys.id, isMember: true });
      await expectSame(report, first);
    }
    await expectSame(await read(byCode), second);

    // A removed device opens what it had, and nothing that came later.
    const removed = await read({ ...entries, ...(await agent.credential()) });
    expect(removed.reader).toMatchObject({ isMember: false });
    expect(removed.epochs.map(({ hasKey }) => hasKey)).toEqual([true, true, true, false]);
    expect(removed.records.filter(({ state }) => state === 'no_key').map(({ id }) => id)).toEqual(['gone']);
    // A log with a gap is not the log.
    const { entries: all } = entries as { entries: object[] };
    const keys = await laptop.credential();
    expect((await read({ ...entries, ...keys, entries: all.toSpliced(3, 1) })).stop).toEqual({
      seq: 4,
      reason: 'bad_sequence',
    });

    const rescue = newDevice();
    const recovered = await rescue.vaults.recover({ vault: first.scope.vault, code, label: 'Rescue' });
    const after = await log(rescue);
    await expectSame(await read({ ...after, ...(await rescue.credential()) }), recovered.vault);
    const next = { recoveryCode: recovered.recovery.code, recoveryBox: await recoveryBox() };
    await expectSame(await read({ ...after, ...next }), recovered.vault);
    expect((await read({ ...byCode, ...after })).refused).toBe('the keys are no longer the recovery member');
    for (const vault of [first, second, recovered.vault]) await vault.close();
  });
});

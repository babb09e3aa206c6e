/**
 * Searches everything that leaves a device for its secrets: records, labels, recovery codes and the keys of all epochs.
 * One run over real HTTP uses all of them, also in requests that fail. The service has none of them, so nothing of it may
 * contain them: tables, files, logs, audit, requests to AWS services, answers, errors, and the memory of the functions.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRecoveryCode } from '../../core/devices/recovery-code-text.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { AttackedDevice, anotherDevice, firstDevice } from '../devices/hostile-proxy.ts';
import { createUser } from '../devices/signed-device-requests.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { codeForms, encodingsOf, files } from './user-custody/secret-encodings.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-device-canaries-'));
const record = 'CANARY-device-record-4711 ü+"';
const label = 'CANARY-device-label-0815';
const refused = 'CANARY-device-refused-1357';

let stack: LocalStack;
const codes: string[] = [];
const secretsOfCodes: Buffer[] = [];
const umks: Buffer[] = [];
/** What devices sent, what they told their application, and what AWS services were asked. */
let sent = '';
let told = '';
const asked: string[] = [];
const deviceIds: string[] = [];
/** The execution environments of functions. */
const workers: Worker[] = [];
const remember = (worker: Worker) => workers.push(worker);

function watch({ service, action, input }: EngineCall): void {
  const text = JSON.stringify(input, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
  asked.push(`${service} ${action} ${text}`);
}

/** All that a program can print of an error. */
async function failing(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => expect.fail('expected a failure'),
    (one: unknown) => one,
  );
  told += `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 9, showHidden: true })}\n`;
}

/** Keeps what only the devices know. */
function collect({ vault: { engine } }: AttackedDevice): void {
  for (let epoch = 1; epoch <= engine.view.state.epoch; epoch++) {
    const key = engine.view.key(epoch);
    if (key !== undefined) umks.push(Buffer.from(key.umk));
  }
}

async function useCode(code: string): Promise<string> {
  codes.push(code);
  secretsOfCodes.push(Buffer.from((await parseRecoveryCode(code)) ?? expect.fail()));
  return code;
}

async function refusals(device: AttackedDevice): Promise<void> {
  const { vault } = device.vault.scope;
  const memory = device.vault.records('memory');
  await failing(memory.put({ text: refused.repeat(20_000) }, { id: 'large' }));
  await failing(memory.put({ text: refused }, { id: `${refused} with spaces` }));
  await failing(device.vault.records('todo').put([refused], { id: 'list' }));
  await failing(memory.restore('a', 99));
  await failing(device.vault.importPia(`{"format":"${refused}"}`, { code: refused }));
  const fresh = new AttackedDevice(stack, device.user);
  await failing(fresh.vaults.recover({ vault, code: refused }));
  await failing(fresh.vaults.recover({ vault, code: codes[0] ?? '' }));
  // The service fails while it stores: its errors repeat what it was given, if it is told to.
  stack.vault.setHooks({
    before: (call) => {
      watch(call);
      const fails = ['PutItem', 'UpdateItem'].includes(call.action) && JSON.stringify(call.input).includes('Device');
      return fails ? { type: 'ValidationException', status: 400, message: refused } : undefined;
    },
  });
  await failing(device.vault.rotate());
  await failing(device.vault.recoveryCode());
  stack.vault.setHooks({ before: watch });
}

beforeAll(async () => {
  process.on('worker', remember);
  stack = await startLocalStack({ dataDir: join(folder, 'data'), timeScale: 0.005 });
  stack.vault.setHooks({ before: watch });
  const user = await createUser(stack);
  const first = await firstDevice(stack, user);
  await first.vault.records('memory').put({ text: record }, { id: 'a' });
  await first.vault.records('provider').put({ apiKey: record }, { id: 'p' });
  const second = await anotherDevice(first);
  const third = await anotherDevice(first, 'data');
  await useCode((await first.vault.recoveryCode({ agent: 'canary-agent' })).code);
  await useCode((await first.vault.recoveryCode()).code);
  await first.vault.remove(third.keys.id);
  await first.vault.records('todo').put({ title: record }, { id: 't' });
  await first.vault.records('memory').delete('a');
  await second.vault.sync();
  collect(second);
  await refusals(first);
  const fresh = new AttackedDevice(stack, user);
  const { vault } = first.vault.scope;
  const recovered = await fresh.vaults.recover({ vault, code: codes[1] ?? '', label });
  fresh.vault = recovered.vault;
  await useCode(recovered.recovery.code);
  expect((await fresh.vault.devices())[0]?.label).toBe(label);
  collect(fresh);
  await failing(first.vault.sync());
  for (const device of [first, second, third, fresh]) {
    deviceIds.push(device.keys.id);
    told += `${inspect(device.vault, { depth: 9, showHidden: true })} ${JSON.stringify(device.vault)}\n`;
    for (const { path, headers, body } of device.seen)
      sent += `${path} ${JSON.stringify([...headers])} ${body ?? ''}\n`;
  }
  stack.vault.setHooks();
});
afterAll(async () => {
  process.off('worker', remember);
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

const secrets = (): [string, string | Buffer][] => [
  ['record', record],
  ['record', 'CANARY-device-record'],
  ['label', label],
  ['refused', refused],
  ...codes.flatMap((code) => codeForms(code).map((form): [string, string] => ['code', form])),
  ...secretsOfCodes.map((secret): [string, Buffer] => ['code', secret]),
  ...umks.map((umk): [string, Buffer] => ['UMK', umk]),
];

function found(haystack: Buffer | string): string[] {
  const bytes = Buffer.from(haystack);
  const all = secrets().filter(([, secret]) => encodingsOf(secret).some((one) => bytes.includes(one)));
  return [...new Set(all.map(([what]) => what))];
}

test('everything that is searched for was really used', () => {
  expect(codes).toHaveLength(3);
  expect(umks.length).toBeGreaterThanOrEqual(8);
  expect(new Set(umks.map((umk) => umk.toString('hex'))).size).toBeGreaterThanOrEqual(5);
  for (const code of ['record_too_large', 'invalid_record', 'record_unknown', 'import_malformed', 'code_mistyped'])
    expect(told).toContain(code);
  expect(told).toContain('code_refused');
});

describe('no record, label, recovery code or key of an epoch', () => {
  test('is sent by a device', () => {
    expect(sent).toContain('/pairings/');
    expect(sent.split('\n').length).toBeGreaterThan(30);
    expect(found(sent)).toEqual([]);
  });

  test('is in any file of the data folder: tables, objects, queue, logs', () => {
    const seen = new Set<string>();
    for (const path of files(join(folder, 'data'))) {
      if (path.includes('/assembly/')) continue;
      expect(found(readFileSync(path)), path).toEqual([]);
      seen.add(path.slice(folder.length + 6).split('/')[0] ?? '');
    }
    expect([...seen]).toContain('logs');
    expect(seen.size).toBeGreaterThan(2);
  });

  test('is in any item of any table', async () => {
    const filled: string[] = [];
    for (const [id, name] of Object.entries(stack.vault.resources)) {
      if (!/Table[0-9A-F]{8}$/.test(id)) continue;
      const items = await stack.allItems(name);
      if (items.length > 0) filled.push(id.replace(/Table.*/, ''));
      expect(found(JSON.stringify(items)), id).toEqual([]);
      const bytes = items.flatMap((item) => Object.values(item).flatMap(({ B }) => (B === undefined ? [] : [B])));
      expect(found(Buffer.concat(bytes)), id).toEqual([]);
    }
    expect(filled).toEqual(expect.arrayContaining(['Audit', 'DeviceCustodyLogs', 'DeviceCustodyRosters']));
  });

  test('is in what functions and gateway logged, or in what any service of AWS is asked', () => {
    const logs = stack.vault.logs();
    for (const route of ['appendDeviceLog', 'putApproverMessage', 'getDeviceRecovery']) expect(logs).toContain(route);
    expect(found(logs)).toEqual([]);
    expect(asked.join('\n')).toContain('dynamodb PutItem');
    expect(found(asked.join('\n'))).toEqual([]);
  });

  test('is in the audit, as it is exported', async () => {
    let cursor = '';
    let all = '';
    do {
      const page = await (
        await stack.http('GET', `/v1/audit?limit=1000${cursor}`, { key: stack.vault.adminKey })
      ).text();
      all += page;
      const next = JSON.parse(page).cursor;
      cursor = next === undefined ? '' : `&cursor=${next}`;
    } while (cursor !== '');
    for (const verb of ['devices.write', 'devices.read', 'devices.pair']) expect(all).toContain(verb);
    expect(found(all)).toEqual([]);
  });

  test('is in the memory of the functions: a text of their heaps', async () => {
    // The test's own failing table put this text there.
    const expected = ['refused'];
    let servedDevices = 0;
    for (const worker of workers) {
      if (worker.threadId === -1) continue;
      const heap = await buffer(await worker.getHeapSnapshot());
      // The search itself finds texts: the function that served the device has its key id in memory.
      if (deviceIds.some((id) => heap.includes(id))) servedDevices++;
      expect(found(heap).filter((what) => !expected.includes(what))).toEqual([]);
    }
    expect(servedDevices).toBeGreaterThan(0);
  });

  test('is in an error, or in what a program prints of a vault', () => {
    expect(found(told)).toEqual([]);
  });
});

test('the search would find each of them once it is written down', () => {
  for (const [what, secret] of secrets()) {
    const text = typeof secret === 'string' ? secret : secret.toString('base64url');
    const bytes = Buffer.from(secret);
    const shifted = Buffer.concat([Buffer.from('x'), bytes]).toString('base64');
    for (const written of [bytes, shifted, text, bytes.toString('hex'), bytes.toString('base64')])
      expect(found(Buffer.concat([Buffer.from('before '), Buffer.from(written), Buffer.from(' after')]))).toContain(
        what,
      );
  }
});

/** Options that a method of device vaults does not have are refused, before anything is changed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeviceVault } from '../../../sdk/src/device/device-vault.ts';
import { DeviceVaults } from '../../../sdk/src/device/device-vaults.ts';
import { nodeStorage } from '../../../sdk/src/device/node.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import { apiKey, baseURL, owner, userKey } from '../fake-fetch.ts';
import { callOptions, expectKnownOptions, methodsOf, type OptionRow, row } from '../option-rows.ts';
import { FakeDeviceService } from './fake-device-service.ts';

const only = row<typeof callOptions>;
const show = () => {};
const confirm = async () => false;
const argon2id = async () => new Uint8Array(32);
const client = { ...callOptions, apiKey: userKey, baseURL, fetch: new FakeDeviceService().fetch };

let vaults: DeviceVaults;
let vault: DeviceVault;
beforeAll(async () => {
  vaults = new DeviceVaults({ ...client, storage: memoryStorage() });
  vault = await vaults.create();
});
afterAll(() => vault.close());
const records = () => vault.records('memory');
const id = '0123456789abcdef';

const ofVaults: Record<string, OptionRow> = {
  create: row((o) => vaults.create(o), { ...callOptions, label: 'l' }),
  list: only((o) => vaults.list(o), callOptions),
  join: row((o) => vaults.join(o), { ...callOptions, vault: id, confirm, onWaiting: show }, { vault: id }),
  joinByQr: row((o) => vaults.joinByQr('x', o), { ...callOptions, vault: id }),
  showJoinQr: row((o) => vaults.showJoinQr(o), { ...callOptions, vault: id, show }),
  recover: row((o) => vaults.recover(o), { ...callOptions, vault: id, code: 'c', label: 'l' }),
  forget: row((o) => vaults.forget(id, o), { confirm: '' }),
  delete: row((o) => vaults.delete(id, o), { ...callOptions, confirm: '' }, { confirm: id }),
};
const ofVault: Record<string, OptionRow> = {
  sync: row((o) => vault.sync(o), { ...callOptions, onProgress: show }),
  restoreLog: only((o) => vault.restoreLog(o), callOptions),
  prune: row((o) => vault.prune(o), { ...callOptions, confirmed: false }),
  rotate: only((o) => vault.rotate(o), callOptions),
  pairings: only((o) => vault.pairings(o), callOptions),
  approve: row((o) => vault.approve('x', o), { ...callOptions, role: 'data' as const, label: 'l', confirm }),
  approveByQr: row((o) => vault.approveByQr('x', o), { ...callOptions, role: 'data' as const, label: 'l' }),
  showApproveQr: row((o) => vault.showApproveQr(o), { ...callOptions, role: 'x' as never, label: 'l', show }),
  refuse: only((o) => vault.refuse('x', o), callOptions),
  remove: only((o) => vault.remove('x', o), callOptions),
  leave: row((o) => vault.leave(o), { ...callOptions, confirm: '' }, { confirm: '' }),
  recoveryCode: only((o) => vault.recoveryCode(o), callOptions),
  closeVault: row((o) => vault.closeVault(o), { ...callOptions, confirm: '' }, { confirm: '' }),
  keep: only((o) => vault.keep(o), callOptions),
  exportPia: row((o) => vault.exportPia(o), { userId: 'a:b', argon2id, now: new Date() }),
  importPia: row((o) => vault.importPia('x', { code: 'c' }, o), { ...callOptions, argon2id }),
  confirmImported: only((o) => vault.confirmImported('memory', 'none', o), callOptions),
};
const ofRecords: Record<string, OptionRow> = {
  put: row((o) => records().put('x', o), { ...callOptions, id: 'x' }),
  delete: only((o) => records().delete('none', o), callOptions),
  restore: only((o) => records().restore('none', 1, o), callOptions),
  resolve: only((o) => records().resolve('none', 'mine', o), callOptions),
  watch: only((o) => records().watch(o), callOptions),
  search: row((o) => records().search('x', o), { limit: 1 }),
};

describe('an option that a method does not have', () => {
  test('is tried with every method that takes options', () => {
    expect(methodsOf(DeviceVaults.prototype, 'open')).toEqual(Object.keys(ofVaults).sort());
    const without = ['records', 'devices', 'exportJson', 'headCode', 'describeKeys', 'close', 'toJSON'];
    expect(methodsOf(DeviceVault.prototype, ...without)).toEqual(Object.keys(ofVault).sort());
    expect(methodsOf(records(), 'get', 'list', 'history', 'conflicts')).toEqual(Object.keys(ofRecords).sort());
  });

  const rows = Object.entries({ DeviceVaults: ofVaults, DeviceVault: ofVault, DeviceRecords: ofRecords });
  test.each(rows.flatMap(([of, some]) => Object.entries(some).map(([name, one]) => [`${of}.${name}`, one] as const)))(
    'is refused by %s, which names the nearest one and knows all of its own',
    (_, one) => expectKnownOptions(one),
  );

  test('is refused by the classes and storages themselves', async () => {
    const storage = memoryStorage();
    const options = { ...client, storage, owner, userAgent: 'u' };
    await expectKnownOptions({ call: (o) => new DeviceVaults(o as never), all: options, required: options });
    expect(() => new DeviceVaults({ ...options, apikey: apiKey } as never)).toThrow('apiKey');
    expect(() => nodeStorage({ folder: '/', keyrings: 1 } as never)).toThrow('keyring');
  });
});

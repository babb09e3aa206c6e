/** Export and import, over records in memory. The file of docs/format-devices.md is imported too. */
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { recordKey } from '../../../core/devices/chain-state.ts';
import { importUmk, openRecord, sealRecord } from '../../../core/devices/published-boxes.ts';
import { readPublishedPlaintext, writePublishedPlaintext } from '../../../core/devices/published-plaintext.ts';
import { findNativeArgon2id, unwrapUmkFromRecovery } from '../../../core/devices/published-recovery-wrap.ts';
import { type Bytes, concatBytes, toBase64, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { deviceError } from '../../../sdk/src/device/device-errors.ts';
import type { DeviceRecord, RecordData, RecordVersion } from '../../../sdk/src/device/device-types.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { exportJson } from '../../../sdk/src/device/transfer/export-json.ts';
import { exportPia } from '../../../sdk/src/device/transfer/export-pia.ts';
import { importPia } from '../../../sdk/src/device/transfer/import-pia.ts';
import { parsePiaFile } from '../../../sdk/src/device/transfer/pia-file.ts';
import type { RecordName, TransferRecords } from '../../../sdk/src/device/transfer/transfer-ports.ts';
import { scope } from '../../core/devices/vault-simulator.ts';
import { beginVault, type MemoryEngine } from './roster-fakes.ts';

const now = new Date('2026-11-29T12:00:00Z');
const [documented = ''] =
  readFileSync(new URL('../../../docs/format-devices.md', import.meta.url), 'utf8').match(
    /^\{"format":"pia-export".*$/m,
  ) ?? [];
const publishedUmk = Uint8Array.from({ length: 32 }, (_, at) => at);

/** Records in memory. `undefined` data is a deleted record, and a missing one does not open. */
class Records implements TransferRecords {
  readonly added: { type: string; data: RecordData }[] = [];
  readonly there: ReadonlyMap<string, RecordData | 'deleted'>;

  constructor(there: ReadonlyMap<string, RecordData | 'deleted'> = new Map()) {
    this.there = there;
  }

  async names(): Promise<readonly RecordName[]> {
    return [...names].sort((a, b) => (recordKey(a) < recordKey(b) ? -1 : 1));
  }

  async get({ type, id }: RecordName): Promise<DeviceRecord | 'deleted' | 'unreadable'> {
    const data = this.there.get(recordKey({ type, id }));
    if (data === undefined) return 'unreadable';
    if (data === 'deleted') return data;
    return { type, id, version: 1, data, state: 'synced', device: 'x', isImported: id === 'b' };
  }

  async history({ type, id }: RecordName): Promise<readonly RecordVersion[]> {
    const data = this.there.get(recordKey({ type, id }));
    const isDeleted = data === 'deleted';
    const place = { version: 1, seq: 2, time: now.toISOString(), device: 'x', isFromCheckpoint: false };
    return [{ ...place, isDeleted, data: isDeleted ? undefined : data }];
  }

  async addImported(type: DeviceRecord['type'], data: RecordData): Promise<DeviceRecord> {
    if (type === 'todo' && typeof data !== 'object') throw deviceError('invalid_record');
    this.added.push({ type, data });
    const id = `new-${this.added.length}`;
    return { type, id, version: 1, data, state: 'local', device: 'x', isImported: true };
  }
}

const names: readonly RecordName[] = [
  { type: 'todo', id: 'z' },
  { type: 'memory', id: 'b' },
  { type: 'memory', id: 'a' },
  { type: 'session', id: 'gone' },
  { type: 'provider', id: 'sealed' },
];
const contents = new Map<string, RecordData | 'deleted'>([
  ['memory:a', { text: 'hello', ä: [1, null, true] }],
  ['memory:b', 'plain'],
  ['todo:z', { title: 'x' }],
  ['session:gone', 'deleted'],
]);

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof DeviceVaultError ? error.code : Promise.reject(error)),
  );

let engine: MemoryEngine;
beforeAll(async () => {
  engine = await beginVault();
});

describe('the plain export', () => {
  test('has all records and versions, and says that it is not encrypted', async () => {
    const file = JSON.parse(await exportJson(engine, new Records(contents), now));
    expect(file).toMatchObject({ format: 'anima-device-export', version: 1, ...scope, createdAt: now.toISOString() });
    expect(file.notice).toContain('not encrypted');
    expect(file.head).toEqual({ seq: 1, hash: Buffer.from(engine.state.head.hash).toString('hex') });
    const [a, b, sealed, gone, z] = file.records;
    expect(file.records).toHaveLength(5);
    expect(a).toEqual({
      ...{ type: 'memory', id: 'a', isDeleted: false, isImported: false, data: contents.get('memory:a') },
      versions: [
        {
          ...{ version: 1, seq: 2, time: now.toISOString(), device: 'x', isDeleted: false },
          data: contents.get('memory:a'),
        },
      ],
    });
    expect(b.isImported).toBe(true);
    expect(sealed).toMatchObject({ type: 'provider', isDeleted: false });
    expect('data' in sealed || 'data' in sealed.versions[0]).toBe(false);
    expect(gone).toMatchObject({ isDeleted: true });
    expect('data' in gone).toBe(false);
    expect(z.id).toBe('z');
  });
});

describe('the export for the published system', () => {
  test('opens with its code only, and has another UMK than the vault', async () => {
    const { file, code, exported, skipped } = await exportPia(new Records(contents), scope.user, { now });
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect([exported, skipped]).toEqual([3, [{ type: 'provider', id: 'sealed' }]]);
    expect(file).not.toContain('hello');
    const parsed = parsePiaFile(file);
    const argon2id = findNativeArgon2id() ?? expect.fail('no Argon2id');
    const umk = await unwrapUmkFromRecovery(argon2id, code, parsed.recoveryWrap ?? expect.fail());
    expect(umk).not.toEqual(engine.view.currentKey().umk);
    const [first] = parsed.records;
    const { entityType: type, entityId: id, payload: box, dek } = first ?? expect.fail();
    const opened = await openRecord(await importUmk(umk), { user: scope.user, type, id }, { box, dek });
    expect(opened[0]).toBe(1);
    expect(await readPublishedPlaintext(opened)).toEqual(contents.get('memory:a'));
    // Back again, with the code as a person types it.
    const target = new Records();
    const result = await importPia(target, file, { code: ` ${code.toLowerCase().replaceAll('-', ' ')}\n` });
    expect(result.failures).toEqual([]);
    expect(result.imported.map(({ type, id, index }) => [type, id, index])).toEqual([
      ['memory', 'new-1', 0],
      ['memory', 'new-2', 1],
      ['todo', 'new-3', 2],
    ]);
    expect(target.added.map(({ data }) => data)).toEqual(
      ['memory:a', 'memory:b', 'todo:z'].map((key) => contents.get(key)),
    );
    const wrong = `${code.slice(0, -1)}${code.endsWith('0') ? '1' : '0'}`;
    expect(await refusal(importPia(new Records(), file, { code: wrong }))).toBe('import_code_refused');
  });

  test('binds the boxes to the user of the published system', async () => {
    const argon2id = async (): Promise<Bytes> => new Uint8Array(32);
    const { file } = await exportPia(new Records(contents), scope.user, { argon2id, userId: 'user-1' });
    expect(JSON.parse(file).userId).toBe('user-1');
    expect((await importPia(new Records(), file, { code: 'x' }, { argon2id })).imported).toHaveLength(3);
    for (const userId of ['', 'a:b']) {
      const refused = exportPia(new Records(contents), scope.user, { argon2id, userId });
      await expect(refused).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });

  test('uses the given Argon2id', async () => {
    const calls: number[] = [];
    const argon2id = async (message: Uint8Array): Promise<Bytes> => {
      calls.push(message.length);
      return new Uint8Array(32).fill(message[0] ?? 0);
    };
    const { file, code } = await exportPia(new Records(contents), scope.user, { argon2id });
    const target = new Records();
    await importPia(target, file, { code }, { argon2id });
    expect(target.added).toHaveLength(3);
    expect(calls).toEqual([19, 19]);
  });
});

describe('importing', () => {
  test('the file of the page, by its code and by its UMK', async () => {
    for (const key of [{ code: 'ABCD-EFGH-JKMN-PQRS' }, { umk: publishedUmk }]) {
      const target = new Records();
      const { imported, failures } = await importPia(target, documented, key);
      expect(target.added).toEqual([{ type: 'memory', data: { text: 'hello' } }]);
      expect([imported, failures]).toEqual([[{ type: 'memory', id: 'new-1', index: 0 }], []]);
    }
    expect(publishedUmk[31]).toBe(31);
    expect(await refusal(importPia(new Records(), documented, { code: 'ABCD-EFGH-JKMN-PQRT' }))).toBe(
      'import_code_refused',
    );
    const other = new Uint8Array(32);
    const target = new Records();
    expect(await refusal(importPia(target, documented, { umk: other }))).toBe('import_code_refused');
    expect(target.added).toEqual([]);
    const short = importPia(target, documented, { umk: new Uint8Array(31) });
    await expect(short).rejects.toMatchObject({ code: 'invalid_argument' });
    const { recoveryWrap: _, ...withoutWrap } = JSON.parse(documented);
    const text = JSON.stringify(withoutWrap);
    expect(await refusal(importPia(target, text, { code: 'ABCD-EFGH-JKMN-PQRS' }))).toBe('import_code_refused');
    expect((await importPia(target, text, { umk: publishedUmk })).imported).toHaveLength(1);
  });

  test('bad records are reported and skipped, and inflation ends at its limit', async () => {
    const key = await importUmk(publishedUmk);
    const seal = async (entityType: string, plaintext: Uint8Array) => {
      const { box, dek } = await sealRecord(key, { user: 'user-1', type: entityType, id: 'x' }, plaintext);
      return { entityType, entityId: 'x', payload: toBase64(box), dek: toBase64(dek) };
    };
    const good = await seal('memory', await writePublishedPlaintext('good'));
    const bomb = concatBytes(Uint8Array.of(1), deflateSync(Buffer.alloc(50_000_000, ' ')));
    expect(bomb.length).toBeLessThan(100_000);
    const records = [
      good,
      { ...good, entityType: 'todo' },
      { ...good, entityId: 'y' },
      { ...good, payload: '!' },
      { ...good, entityId: 'a:b' },
      null,
      await seal('memory', bomb),
      await seal('memory', utf8Bytes('{')),
      await seal('template', utf8Bytes('{}')),
      await seal('todo', utf8Bytes('7')),
      await seal('provider', utf8Bytes('{"endpoint":"https://x.test"}')),
    ];
    const file = JSON.stringify({ ...JSON.parse(documented), records });
    const target = new Records();
    const { imported, failures } = await importPia(target, file, { umk: publishedUmk });
    expect(imported.map(({ type, index }) => [type, index])).toEqual([
      ['memory', 0],
      ['provider', 10],
    ]);
    expect(failures.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'not_opened'],
      [2, 'not_opened'],
      [3, 'malformed'],
      [4, 'malformed'],
      [5, 'malformed'],
      [6, 'not_opened'],
      [7, 'not_opened'],
      [8, 'unsupported_type'],
      [9, 'invalid_data'],
    ]);
    const moved = JSON.stringify({ ...JSON.parse(documented), userId: 'user-2' });
    expect(await refusal(importPia(target, moved, { umk: publishedUmk }))).toBe('import_code_refused');
  });

  test('other texts are no export file', async () => {
    const file = JSON.parse(documented);
    for (const text of [
      '',
      '[]',
      'null',
      JSON.stringify({ ...file, format: 'other' }),
      JSON.stringify({ ...file, version: 2 }),
      JSON.stringify({ ...file, userId: 'a:b' }),
      JSON.stringify({ ...file, records: {} }),
      JSON.stringify({ ...file, recoveryWrap: { salt: 1 } }),
      await exportJson(engine, new Records(contents)),
    ])
      expect(await refusal(importPia(new Records(), text, { umk: publishedUmk }))).toBe('import_malformed');
    const quoted = importPia(new Records(), '{"secret text', { umk: publishedUmk });
    await expect(quoted).rejects.not.toThrow(/secret text/);
  });

  test('a failure of the storage ends the import', async () => {
    const target = new Records();
    target.addImported = () => Promise.reject(deviceError('storage_failed'));
    expect(await refusal(importPia(target, documented, { umk: publishedUmk }))).toBe('storage_failed');
  });
});

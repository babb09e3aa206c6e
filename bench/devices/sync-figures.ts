/** Pairing and the first sync of a second device, against a local vault. */

import { DeviceVaults, memoryStorage } from '../../sdk/src/device/index.ts';
import { Anima } from '../../sdk/src/index.ts';
import type { RunningVault } from '../local-vault.ts';
import type { Figure } from './figure.ts';

/** Records that one call queues before the next one begins. */
export const putsAtOnce = 500;

export async function timed<T>(run: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const started = performance.now();
  const result = await run();
  return { ms: performance.now() - started, result };
}

export async function measureSync(vault: RunningVault, records: number): Promise<Figure[]> {
  const admin = new Anima({ apiKey: vault.adminKey, baseURL: vault.url });
  const { key } = await admin.users.create();
  const options = { apiKey: key, baseURL: vault.url };
  const [first, second] = [memoryStorage(), memoryStorage()].map(
    (storage) => new DeviceVaults({ ...options, storage }),
  );
  if (first === undefined || second === undefined) throw new Error('There are no two devices.');
  const created = await timed(() => first.create({ label: 'first' }));
  const a = created.result;
  // Nobody compares codes in a benchmark: both devices are in this process.
  const confirm = async () => true;
  const paired = await timed(async () => {
    const waiting = Promise.withResolvers<string>();
    const joined = second.join({
      vault: a.scope.vault,
      confirm,
      onWaiting: ({ pairing }) => waiting.resolve(pairing),
    });
    await a.approve(await waiting.promise, { confirm });
    return await joined;
  });
  const b = paired.result;
  const memory = a.records('memory');
  const text = 'x'.repeat(950);
  const written = await timed(async () => {
    for (let done = 0; done < records; done += putsAtOnce) {
      const puts = Array.from({ length: Math.min(putsAtOnce, records - done) }, (_, n) =>
        memory.put({ text: `${text}${done + n}` }),
      );
      await Promise.all(puts);
    }
    return await a.sync();
  });
  const synced = await timed(() => b.sync());
  const found = (await b.records('memory').list()).length;
  if (found !== records) throw new Error(`The second device has ${found} of ${records} records.`);
  const one = await timed(() => memory.put({ text: 'one more' }));
  const next = await timed(() => b.sync());
  await a.close();
  await b.close();
  return [
    { name: 'create a vault', ms: created.ms },
    { name: 'pair a second device by code, waits included', ms: paired.ms },
    { name: `put ${records} records of 1 KiB, synced`, ms: written.ms },
    { name: `first sync of ${records} records of 1 KiB`, ms: synced.ms, goalMs: 8_000 },
    { name: 'put one record, synced', ms: one.ms },
    { name: 'sync of one new record on another device', ms: next.ms },
  ];
}

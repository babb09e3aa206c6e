/** The first sync of a device before and after the log was pruned, against a local vault. */
import { type DeviceVault, DeviceVaults, memoryStorage } from '../../sdk/src/device/index.ts';
import { Anima } from '../../sdk/src/index.ts';
import type { RunningVault } from '../local-vault.ts';
import type { Figure } from './figure.ts';
import { putsAtOnce, timed } from './sync-figures.ts';

/** Versions of each record before the log is pruned. */
const versions = 2;

/** A device, and the bytes that it received. */
class CountingDevice {
  received = 0;
  readonly vaults: DeviceVaults;

  constructor(apiKey: string, baseURL: string) {
    const counted = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const response = await fetch(input, init);
      const body = await response.arrayBuffer();
      this.received += body.byteLength;
      return new Response(body, response);
    };
    this.vaults = new DeviceVaults({ apiKey, baseURL, storage: memoryStorage(), fetch: counted });
  }
}

async function pair(by: DeviceVault, vaults: DeviceVaults): Promise<DeviceVault> {
  const waiting = Promise.withResolvers<string>();
  // Nobody compares codes in a benchmark: all devices are in this process.
  const confirm = async () => true;
  const onWaiting = ({ pairing }: { readonly pairing: string }) => waiting.resolve(pairing);
  const joined = vaults.join({ vault: by.scope.vault, confirm, onWaiting });
  await by.approve(await waiting.promise, { confirm });
  return await joined;
}

async function writeAll(vault: DeviceVault, records: number): Promise<void> {
  const memory = vault.records('memory');
  const text = 'x'.repeat(950);
  for (let version = 1; version <= versions; version++)
    for (let done = 0; done < records; done += putsAtOnce) {
      const ids = Array.from({ length: Math.min(putsAtOnce, records - done) }, (_, n) => `record-${done + n}`);
      await Promise.all(ids.map((id) => memory.put({ text: `${text}${version}` }, { id })));
    }
  await vault.sync();
}

export async function measurePruning(vault: RunningVault, records: number): Promise<Figure[]> {
  const { key } = await new Anima({ apiKey: vault.adminKey, baseURL: vault.url }).users.create();
  const newDevice = () => new CountingDevice(key, vault.url);
  const a = await newDevice().vaults.create({ label: 'first' });
  const b = await pair(a, newDevice().vaults);
  // Both are paired before anything is written, so their next sync is a first one without the waits of a pairing.
  const [before, after] = [newDevice(), newDevice()];
  const [c, d] = [await pair(a, before.vaults), await pair(a, after.vaults)];
  await writeAll(a, records);
  await b.sync();
  before.received = 0;
  const unpruned = await timed(() => c.sync());
  await a.prune();
  await b.sync();
  const pruning = await timed(() => a.prune());
  after.received = 0;
  const pruned = await timed(() => d.sync());
  const found = (await d.records('memory').list()).length;
  if (found !== records || pruning.result.checkpoint === undefined)
    throw new Error(`The log was not pruned, or a device has ${found} of ${records} records.`);
  for (const one of [a, b, c, d]) await one.close();
  const megabytes = ({ received }: CountingDevice) => `${(received / 1e6).toFixed(1)} MB`;
  const what = `${records} records of 1 KiB in ${versions} versions`;
  return [
    { name: `first sync of ${what}, ${megabytes(before)}`, ms: unpruned.ms },
    { name: `prune them, to the end`, ms: pruning.ms },
    { name: `first sync after that, ${megabytes(after)}`, ms: pruned.ms },
  ];
}

/** The key of a person on one device, while the service shows statements of a device that was removed. */
import { describe, expect, test } from 'vitest';
import { type PersonKey, signPersonKey } from '../../core/approvals/person-key.ts';
import { unwrapForDevice, wrapForDevice } from '../../core/approvals/person-key-wraps.ts';
import type { HeadRelation } from '../../core/directory/directory-pin.ts';
import type { DirectoryHead } from '../../core/directory/directory-state.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { PersonKeyKeeper } from '../../sdk/src/session/approvals/person-key-keeper.ts';
import type { SessionContext } from '../../sdk/src/session/session-context.ts';
import type { CallSettings } from '../../sdk/src/shared/client-options.ts';
import { ApprovalScene, type Approver } from '../core/approvals/approval-fixture.ts';
import { newPersonKey, nextEpoch } from '../core/approvals/person-key-fixture.ts';
import { now, org } from '../core/directory/directory-simulator.ts';

class Device {
  readonly scene = new ApprovalScene();
  readonly #stored = new Map<string, Bytes>();
  /** How the device relates every head; undefined for what it knows. */
  relation: HeadRelation | undefined;
  /** What the service shows. */
  shown: Bytes | undefined;

  show(key: PersonKey, by: Approver = this.scene.phone): void {
    this.shown = signPersonKey({ ...key, device: by.id }, by.ik);
  }

  removeLaptop(): void {
    const { directory, laptop } = this.scene;
    directory.append(directory.authority, { op: 'revoke', subject: laptop.id, certificate: new Uint8Array(0) });
  }

  get keeper(): PersonKeyKeeper {
    const { phone, directory, relationOf } = this.scene;
    const context = {
      own: { org, device: { id: phone.id }, ik: phone.ik },
      directory: { state: directory.state, compare: (head: DirectoryHead) => this.relation ?? relationOf(head) },
      clock: { now: () => now },
      requests: { approvals: { personKey: async () => ({ signed: this.shown, devices: [] }) } },
      store: {
        bytes: async (name: string) =>
          name === 'approval-key' ? Uint8Array.from(phone.secret) : this.#stored.get(name),
        item: async () => ({ time: 1, isPublished: true }),
        write: async () => void (this.shown && this.#stored.set('person-key', this.shown)),
      },
    };
    return new PersonKeyKeeper(context as unknown as SessionContext, {} as CallSettings);
  }
}

describe('a device keeps the key of its person', () => {
  test('if a removed device signs another one, with an epoch and an edition of its choice', async () => {
    const device = new Device();
    const { scene } = device;
    const first = await newPersonKey(scene);
    device.show(first.key);
    await device.keeper.open();
    device.removeLaptop();
    const forged = await newPersonKey(scene, [scene.phone]);
    const junk = { ...first.key, sealed: new Uint8Array(80) };
    for (const key of [
      { ...forged.key, edition: 100 },
      { ...forged.key, epoch: 2, edition: 100, earlier: [] },
      { ...forged.key, epoch: 2, edition: 100, earlier: [{ epoch: 1, key: first.key.key, sealed: junk.sealed }] },
      { ...first.key, edition: 100, wraps: [await wrapForDevice(first.key, first.secret, scene.laptop.key)] },
    ]) {
      device.show(key, scene.laptop);
      const opened = await device.keeper.open();
      expect([opened.key.edition, opened.secret]).toEqual([1, first.secret]);
    }
  });

  test('if a removed device that has the secret signs one with the last edition that there is', async () => {
    const device = new Device();
    const { scene } = device;
    const first = await newPersonKey(scene);
    device.show(first.key);
    await device.keeper.open();
    device.removeLaptop();
    device.show({ ...first.key, edition: Number.MAX_SAFE_INTEGER }, scene.laptop);
    expect(await device.keeper.info()).toMatchObject({ edition: 1 });
    device.show({ ...first.key, edition: 10_001 }, scene.laptop);
    expect(await device.keeper.info()).toMatchObject({ edition: 10_001 });
  });

  test('also if it began at a checkpoint, and does not know the entry of the statement', async () => {
    const device = new Device();
    const first = await newPersonKey(device.scene);
    device.show(first.key);
    device.relation = 'older';
    expect(await device.keeper.info()).toMatchObject({ edition: 1, isCurrent: true });
  });

  test('and goes on with one that a device replaced before it was removed', async () => {
    const device = new Device();
    const { scene } = device;
    const first = await newPersonKey(scene);
    device.show(first.key);
    await device.keeper.open();
    const second = await nextEpoch(scene, first, [scene.phone, scene.laptop]);
    device.show(second.key, scene.laptop);
    device.removeLaptop();
    const opened = await device.keeper.open();
    expect([opened.key.epoch, opened.secret]).toEqual([2, second.secret]);
    expect(await unwrapForDevice(opened.key, scene.phone.id, scene.phone.secret)).toEqual(second.secret);
    expect(await device.keeper.info()).toMatchObject({ isCurrent: false });
  });
});

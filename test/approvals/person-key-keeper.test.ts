/** The key of a person on one device, while the service shows statements of a device that was removed. */
import { describe, expect, test } from 'vitest';
import { signApprovalKey } from '../../core/approvals/approval-keys.ts';
import { type PersonKey, readPersonKey, signPersonKey } from '../../core/approvals/person-key.ts';
import {
  secretOfEpoch,
  unwrapForDevice,
  wrapForDevice,
  wrapForRecovery,
} from '../../core/approvals/person-key-wraps.ts';
import { formatRecoveryCode } from '../../core/devices/recovery-code-text.ts';
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
  readonly #published = signApprovalKey(org, this.scene.phone.key, this.scene.phone.ik);
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
      requests: {
        approvals: {
          personKey: async () => ({ signed: this.shown, devices: [{ device: phone.id, signed: this.#published }] }),
          putPersonKey: async (signed: Bytes) => {
            this.shown = signed;
          },
        },
      },
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

describe('a recovery code', () => {
  /** A key of two epochs that only the laptop has, and its code. The laptop is lost. */
  async function lost() {
    const device = new Device();
    const { scene } = device;
    const first = await newPersonKey(scene, [scene.laptop]);
    const second = await nextEpoch(scene, first, [scene.laptop]);
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const code = await formatRecoveryCode(bytes);
    const key = { ...second.key, recovery: await wrapForRecovery(second.key, second.secret, bytes) };
    device.show(key, scene.laptop);
    device.removeLaptop();
    const published = () => readPersonKey(device.shown ?? new Uint8Array(0))?.key ?? expect.fail('nothing is shown');
    return { device, scene, first, second, bytes, code, key, published };
  }

  test('gives the device the key with all epochs, and makes the next one', async () => {
    const { device, scene, first, second, code, published } = await lost();
    await expect(device.keeper.open()).rejects.toMatchObject({ code: 'person_key_missing' });
    const next = await device.keeper.recover(code);
    const key = published();
    expect(key).toMatchObject({ epoch: 3, edition: second.key.edition + 1, device: scene.phone.id });
    expect(key.wraps.map((wrap) => wrap.device)).toEqual([scene.phone.id]);
    const secret = await unwrapForDevice(key, scene.phone.id, scene.phone.secret);
    expect(await secretOfEpoch(key, secret, 1)).toEqual(first.secret);
    expect(await secretOfEpoch(key, secret, 2)).toEqual(second.secret);
    await expect(device.keeper.recover(code)).rejects.toMatchObject({ code: 'recovery_code_refused' });
    await device.keeper.recover(next.code);
    expect(published()).toMatchObject({ epoch: 4 });
  });

  test('has one error for every cause, and changes nothing then', async () => {
    const { device, scene, second, bytes, code, key } = await lost();
    const other = await wrapForRecovery(second.key, second.secret, bytes.toReversed());
    const foreign = await newPersonKey(scene, [scene.laptop]);
    const junk = key.earlier.map((one) => ({ ...one, sealed: new Uint8Array(80) }));
    const errors: unknown[] = [];
    for (const shown of [
      { ...key, recovery: undefined },
      { ...key, recovery: other },
      { ...key, recovery: key.recovery.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) },
      { ...key, key: foreign.key.key },
      { ...key, epoch: 4 },
      { ...key, earlier: junk },
    ]) {
      device.show(shown, scene.laptop);
      const before = device.shown;
      errors.push(await device.keeper.recover(code).catch((error) => error.message));
      expect(device.shown).toBe(before);
    }
    for (const typed of ['', code.slice(1), 'x', undefined as never])
      errors.push(await device.keeper.recover(typed).catch((error) => error.message));
    expect(new Set(errors)).toEqual(new Set([expect.stringContaining('does not open the key')]));
  });

  test('is taken for the statement that this device knows, if the service shows one that it does not open', async () => {
    const { device, scene, code, key, published } = await lost();
    await device.keeper.info();
    device.show({ ...key, edition: 9, recovery: undefined }, scene.laptop);
    await device.keeper.recover(code);
    expect(published()).toMatchObject({ epoch: 3, edition: 3 });
  });
});

test('after 50 epochs, a rotation leaves the first one out', async () => {
  const device = new Device();
  const { scene } = device;
  device.show((await newPersonKey(scene, [scene.phone])).key);
  for (let epoch = 2; epoch <= 52; epoch++) await device.keeper.rotate();
  const { key } = await device.keeper.open();
  expect([key.epoch, key.earlier.length, key.earlier[0]?.epoch]).toEqual([52, 50, 2]);
});

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

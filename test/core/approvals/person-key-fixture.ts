/** Keys of a person for tests: a first epoch, and the ones after it. */
import type { PersonKey } from '../../../core/approvals/person-key.ts';
import { sealEarlier, secretOfEpoch, wrapForDevice } from '../../../core/approvals/person-key-wraps.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';
import { ann, now, org } from '../directory/directory-simulator.ts';
import { type ApprovalScene, type Approver, randomBytes } from './approval-fixture.ts';

export interface HeldKey {
  readonly key: PersonKey;
  readonly secret: Bytes;
}

async function keyOf(scene: ApprovalScene, epoch: number, devices: readonly Approver[], person: string) {
  const secret = randomBytes();
  const one = { org, person, epoch, key: x25519PublicKey(secret) };
  const wraps = await Promise.all(devices.map((device) => wrapForDevice(one, secret, device.key)));
  const sorted = wraps.toSorted((a, b) => (a.device < b.device ? -1 : 1));
  const signed = { device: scene.phone.id, time: now, head: scene.state.head };
  return { key: { ...one, edition: epoch, wraps: sorted, recovery: undefined, earlier: [], ...signed }, secret };
}

export const newPersonKey = (
  scene: ApprovalScene,
  devices: readonly Approver[] = [scene.phone, scene.laptop],
  person = ann,
): Promise<HeldKey> => keyOf(scene, 1, devices, person);

/** The next epoch, for these devices. */
export async function nextEpoch(
  scene: ApprovalScene,
  { key: before, secret: held }: HeldKey,
  devices: readonly Approver[],
): Promise<HeldKey> {
  const { key, secret } = await keyOf(scene, before.epoch + 1, devices, before.person);
  const epochs = [...before.earlier, before];
  const earlier = await Promise.all(
    epochs.map(async (one) => sealEarlier(key, one, await secretOfEpoch(before, held, one.epoch))),
  );
  return { key: { ...key, earlier }, secret };
}

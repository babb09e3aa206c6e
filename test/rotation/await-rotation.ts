import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Rotation, RotationResponse } from '../../contract/rotation/wire.ts';

interface VaultAccess {
  readonly vault: { readonly adminKey: string };
  http(method: string, path: string, options: { key: string }): Promise<Response>;
}

/** The latest rotation of the first org. */
export async function latestRotation({ vault, http }: VaultAccess): Promise<Rotation> {
  const answer = await http('GET', '/v1/org/rotation', { key: vault.adminKey });
  const { rotation }: RotationResponse = await answer.json();
  return rotation ?? expect.fail(`there is no rotation: ${answer.status}`);
}

/** Waits until the latest rotation is complete. */
export async function waitUntilRotated(stack: VaultAccess, seconds = 150): Promise<Rotation> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const rotation = await latestRotation(stack);
    if (rotation.state === 'done' && rotation.finishedAt !== undefined) return rotation;
    if (Date.now() > end) expect.fail(`not done: ${JSON.stringify(rotation)}`);
    await sleep(250);
  }
}

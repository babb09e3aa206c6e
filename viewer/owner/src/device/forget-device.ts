/** Deletes everything that this browser has of the device. */
import type { App } from '../app.ts';
import { Notes } from './notes.ts';
import { canNotify, stopNotices } from './push-notices.ts';
import { forgetOrg, sessionDevices, storage } from './sessions.ts';

export async function forgetDevice(app: App): Promise<void> {
  const { org } = app.client;
  // Without a connection, the subscription ends by itself.
  if (canNotify()) await stopNotices(app.client).catch(() => undefined);
  await app.close();
  await sessionDevices(app.events.connection, () => undefined).forget({ org, confirm: org });
  await Notes.forget(storage, org);
  forgetOrg();
}

/** Push notices of this browser (docs/session-service.md, section 9). */
import type { SessionClient } from '../../../../sdk/src/session/index.ts';

/** On phones of Apple, only a page that was added to the home screen has them. */
export const canNotify = (): boolean => 'serviceWorker' in navigator && 'PushManager' in globalThis;

const subscription = async (): Promise<PushSubscription | null> => {
  const registration = await navigator.serviceWorker.getRegistration('/owner/');
  return (await registration?.pushManager.getSubscription()) ?? null;
};

export const isNotifying = async (): Promise<boolean> => (await subscription()) !== null;

/** Asks the person, and subscribes. Does nothing if the person says no. */
export async function startNotices(client: SessionClient): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') return;
  const registration = await navigator.serviceWorker.ready;
  const applicationServerKey = new Uint8Array(await client.push.key());
  await client.push.subscribe(
    await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey }),
  );
}

export async function stopNotices(client: SessionClient): Promise<void> {
  const found = await subscription();
  if (found === null) return;
  await client.push.unsubscribe(found);
  await found.unsubscribe();
}

/** A subscription lasts 90 days, so each start of the page prolongs it. */
export async function prolongNotices(client: SessionClient): Promise<void> {
  const found = canNotify() ? await subscription() : null;
  if (found !== null) await client.push.subscribe(found);
}

/** The owner's page (docs/owner-page.md). */
import type { SessionClient } from '../../../sdk/src/session/index.ts';
import { App } from './app.ts';
import { DeviceEvents } from './device/device-events.ts';
import { describeError, hasCode } from './device/errors.ts';
import { askForDevice, onDeviceAsked } from './device/other-windows.ts';
import { prolongNotices } from './device/push-notices.ts';
import { sessionDevices, storedOrg, storeOrg } from './device/sessions.ts';
import { takeInvite } from './pairing/invite-from-address.ts';
import { askBeforePairing, pair, showWelcome } from './pairing/pairing-view.ts';
import { places } from './places.ts';
import { registerServiceWorker } from './service-worker-registration.ts';
import { button, createElement, heading, paragraph, trouble } from './ui/elements.ts';
import { Shell } from './ui/shell.ts';

/** How often and how long a device is waited for that another window closes, milliseconds. */
const retryMs = 200;
const patienceMs = 5_000;

const found = document.getElementById('app');
if (found === null) throw new Error('the page is not complete');
const root: HTMLElement = found;

const invite = takeInvite();
void registerServiceWorker();
begin(invite).catch((error: unknown) => alone().append(trouble(describeError(error))));
// An invite that is followed in this tab changes only the fragment, and browsers do not load the page again.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#anmi_')) location.reload();
});

/** A place without navigation, for what comes before the device is open. */
function alone(): HTMLElement {
  const place = createElement('main', { className: 'alone' });
  root.replaceChildren(place);
  return place;
}

async function begin(given: string | undefined): Promise<void> {
  const events = new DeviceEvents();
  const org = storedOrg();
  if (org === undefined && given === undefined)
    return showWelcome(alone(), events, (client) => void use(client, events));
  const client = org === undefined ? undefined : await openStored(org, events);
  const begun = (paired: SessionClient) => void use(paired, events);
  if (client === undefined && given !== undefined) return await askBeforePairing(alone(), events, begun, given);
  if (client === undefined) return await pair(alone(), events, begun);
  await use(client, events);
  if (given !== undefined)
    events.addNotice({
      kind: 'stopped',
      text: 'This browser has a device already. The invite was not used. Forget the device first, under “Devices”.',
    });
}

/** @returns undefined if its enrollment is not complete */
async function openStored(org: string, events: DeviceEvents): Promise<SessionClient | undefined> {
  const sessions = sessionDevices(events.connection, events.onNotice);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await sessions.open({ org });
    } catch (error) {
      if (hasCode(error, 'not_enrolled')) return undefined;
      if (!hasCode(error, 'in_use') || Date.now() > deadline) throw error;
      askForDevice();
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function use(client: SessionClient, events: DeviceEvents): Promise<void> {
  storeOrg(client.org);
  const app = await App.start(client, events);
  const shell = new Shell(app, places);
  shell.begin(root);
  onDeviceAsked(() => {
    shell.end();
    const place = alone();
    const title = heading('Open in another window');
    place.append(
      title,
      paragraph('', 'This device is used there now.'),
      button('Use it here', 'main', () => location.reload()),
    );
    void app.close();
  });
  void prolongNotices(client).catch(() => undefined);
}

/** This device: its code, push notices, and how to forget it. */
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { forgetDevice } from '../device/forget-device.ts';
import { canNotify, isNotifying, startNotices, stopNotices } from '../device/push-notices.ts';
import { codeOf } from '../pairing/pairing-view.ts';
import { block, button, confirmInDialog, createElement, facts, paragraph, trouble } from '../ui/elements.ts';

export function thisDeviceCard(app: App, { device, can, status }: SessionDeviceInfo): HTMLElement {
  const place = block('card');
  const notices = block('notify');
  void showNotify(app, notices);
  const forget = button('Forget this device', 'danger', async () => {
    const text =
      'This deletes its keys and messages from this browser, for good. The directory lists the device until an admin revokes it.';
    if (!(await confirmInDialog('Forget this device?', text, 'Forget it'))) return;
    try {
      await forgetDevice(app);
      location.replace('/owner/');
    } catch (error) {
      place.append(trouble(describeError(error)));
    }
  });
  const about = block('about');
  const details = createElement(
    'details',
    {},
    createElement('summary', {}, 'Details'),
    about,
    paragraph('hint', 'Your other devices must show the same code for the same entry of the directory.'),
    block('actions', forget),
  );
  const showFacts = () => about.replaceChildren(factsOf(app, device, can.includes('approve')));
  showFacts();
  // The directory goes on while the card is there.
  details.addEventListener('toggle', showFacts);
  place.append(
    block(
      'head',
      createElement('h3', {}, 'This device'),
      createElement('span', { className: `status ${status}` }, status),
    ),
    paragraph('', 'Its code, for others to compare:'),
    codeOf(app.client.fingerprint()),
    notices,
    details,
  );
  return place;
}

function factsOf({ client }: App, device: string, canApprove: boolean): HTMLElement {
  const { seq, code } = client.head();
  return facts([
    ['Device', device],
    ['Person', client.person],
    ['Organization', client.org],
    ['Answers questions', canApprove ? 'yes' : 'no: it was admitted without the right to approve'],
    ['Directory', `entry ${seq}, ${code}`],
  ]);
}

async function showNotify(app: App, place: HTMLElement): Promise<void> {
  if (!canNotify()) return;
  const isOn = await isNotifying();
  const change = button(isOn ? 'Turn notices off' : 'Turn notices on', 'quiet', async () => {
    try {
      await (isOn ? stopNotices(app.client) : startNotices(app.client));
      await showNotify(app, place);
    } catch (error) {
      place.append(trouble(describeError(error)));
    }
  });
  const text = isOn
    ? 'This browser gets a notice without content when something waits for you.'
    : 'A notice can tell you that something waits for you. It has no content.';
  place.replaceChildren(paragraph('', text), block('actions', change));
}

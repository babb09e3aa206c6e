/** An agent, or another device of the person. */
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { maxNameLength } from '../device/agent-names.ts';
import { describeError } from '../device/errors.ts';
import { announce, block, button, confirmInDialog, createElement, facts, field, trouble } from '../ui/elements.ts';

const statusTexts = {
  pending: 'waits for you',
  active: 'active',
  suspended: 'suspended',
  revoked: 'revoked',
  expired: 'expired',
} as const;

/** @param onChange called when the card must be shown again */
export function agentCard(app: App, info: SessionDeviceInfo, onChange: () => void): HTMLElement {
  const { device, role, status, fingerprint } = info;
  const place = block('card');
  const state = createElement('span', { className: `status ${status}` }, statusTexts[status]);
  const name = createElement('input', {
    value: app.names.given(device),
    maxLength: maxNameLength,
    autocomplete: 'off',
  });
  const rename = button('Save name', 'quiet', async () => {
    await app.names.give(device, name.value);
    announce('Saved.');
    onChange();
  });
  const more = createElement(
    'details',
    {},
    createElement('summary', {}, 'Details'),
    facts([
      ['Code', fingerprint],
      ['Device', device],
      ['Role', role],
    ]),
    field('Name, only on this device', name),
    block('actions', rename),
  );
  place.append(block('head', createElement('h3', {}, app.names.of(info)), state), more);
  if (role === 'agent' && status === 'active') place.append(block('actions', suspendButton(app, info, place)));
  return place;
}

function suspendButton(app: App, info: SessionDeviceInfo, place: HTMLElement): HTMLElement {
  return button('Suspend', 'danger', async () => {
    try {
      if (await suspendAfterAsking(app, info)) announce('Suspended.');
    } catch (error) {
      place.append(trouble(describeError(error)));
    }
  });
}

/** @returns whether the person agreed, and the agent is suspended */
async function suspendAfterAsking(app: App, info: SessionDeviceInfo): Promise<boolean> {
  const text =
    'It gets and sends no messages from now on, and you cannot undo it: only an admin can let it go on. API keys that it has are not ended.';
  if (!(await confirmInDialog(`Suspend ${app.names.of(info)}?`, text, 'Suspend it'))) return false;
  await app.client.suspend(info.device);
  app.events.emit('directory');
  return true;
}

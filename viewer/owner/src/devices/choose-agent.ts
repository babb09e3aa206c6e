/** Which agent to suspend. */
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { block, button, createElement, paragraph } from '../ui/elements.ts';

/** Asks before it is done. @returns undefined if the person did not choose */
export function chooseAgent(app: App, agents: readonly SessionDeviceInfo[]): Promise<SessionDeviceInfo | undefined> {
  const dialog = createElement(
    'dialog',
    {},
    createElement('h2', {}, 'Suspend which agent?'),
    paragraph(
      '',
      'It gets and sends no messages from now on, and only an admin can let it go on. Its API keys are not ended: an admin revokes them.',
    ),
  );
  dialog.setAttribute('aria-label', 'Suspend which agent?');
  return new Promise((resolve) => {
    const close = (agent: SessionDeviceInfo | undefined) => {
      dialog.close();
      dialog.remove();
      resolve(agent);
    };
    dialog.append(
      block(
        'list',
        ...agents.map((agent) => button(`No, and suspend ${app.names.of(agent)}`, 'danger', () => close(agent))),
        button('Cancel', 'quiet', () => close(undefined)),
      ),
    );
    dialog.addEventListener('cancel', () => close(undefined));
    document.body.append(dialog);
    dialog.showModal();
  });
}

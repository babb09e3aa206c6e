/** Which agent to suspend. */
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { askInDialog, block, button } from '../ui/elements.ts';

const consequence =
  'It gets and sends no messages from now on, and only an admin can let it go on. Its API keys are not ended: an admin revokes them.';

/** Asks before it is done. @returns undefined if the person did not choose */
export const chooseAgent = (app: App, agents: readonly SessionDeviceInfo[]): Promise<SessionDeviceInfo | undefined> =>
  askInDialog<SessionDeviceInfo | undefined>('Suspend which agent?', consequence, undefined, (close) =>
    block(
      'list',
      ...agents.map((agent) => button(`No, and suspend ${app.names.of(agent)}`, 'danger', () => close(agent))),
      button('Cancel', 'quiet', () => close(undefined)),
    ),
  );

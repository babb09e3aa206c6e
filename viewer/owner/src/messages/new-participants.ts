/** Who takes part and was not shown yet. Nothing is sent before the person accepted. */
import type { ConversationChanges } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { block, button, createElement, paragraph } from '../ui/elements.ts';

/** @param onAccepted called after the person accepted */
export function newParticipants(app: App, changes: ConversationChanges, onAccepted: () => void): HTMLElement[] {
  if (changes.added.length === 0) return [];
  const devices = changes.added.map((one) => {
    const whose = one.person === app.client.person ? 'yours' : one.person === '' ? '' : `person ${one.person}`;
    return createElement('li', {}, `${app.names.of(one)}${whose === '' ? '' : ` (${whose})`}, device ${one.device}`);
  });
  const accept = button('They may read it', 'main', async () => {
    await app.client.conversations.accept(changes);
    onAccepted();
  });
  return [
    block(
      'panel',
      paragraph('', 'New participants. Nothing is sent before you agree:'),
      createElement('ul', {}, ...devices),
      accept,
    ),
  ];
}

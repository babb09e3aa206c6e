/**
 * Tells the notifier about stored messages, if somebody may be listening. The outcome of a send never depends on it: the
 * recipient polls anyway.
 */
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { InvokeNotifier } from '../shared/notifier-event.ts';
import type { MessageKey } from './mailbox-ports.ts';
import type { ConnectionStore, PushStore, SocketOwner } from './socket-ports.ts';

const concurrentRecipients = 8;

export interface MessageAnnouncerDeps {
  readonly connections: Pick<ConnectionStore, 'listConnections'>;
  readonly pushes: Pick<PushStore, 'listSubscriptions'>;
  readonly invokeNotifier: InvokeNotifier;
  /** Called with the error if the notifier could not be told. */
  readonly onFailure: (org: string, error: unknown) => void;
}

export class MessageAnnouncer {
  readonly #deps: MessageAnnouncerDeps;

  constructor(deps: MessageAnnouncerDeps) {
    this.#deps = deps;
  }

  /** Never throws. */
  async announce(org: string, stored: readonly MessageKey[]): Promise<void> {
    if (stored.length === 0) return;
    try {
      const recipients = [...new Set(stored.map(({ recipient }) => recipient))];
      const listening = await mapConcurrent(recipients, concurrentRecipients, (device) =>
        this.#isListening({ org, device }),
      );
      const messages = stored.filter(({ recipient }) => listening[recipients.indexOf(recipient)]);
      if (messages.length > 0) await this.#deps.invokeNotifier({ kind: 'messages', org, messages });
    } catch (error) {
      this.#deps.onFailure(org, error);
    }
  }

  async #isListening(owner: SocketOwner): Promise<boolean> {
    const { connections, pushes } = this.#deps;
    const [open, subscribed] = await Promise.all([connections.listConnections(owner), pushes.listSubscriptions(owner)]);
    return subscribed.length > 0 || open.some(({ ready }) => ready);
  }
}

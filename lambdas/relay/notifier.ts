/** Sends frames and push notices for stored messages (docs/session-service.md, sections 8 and 9). */
import type { MessageFrame, WakeFrame } from '../../contract/sessions/frames.ts';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { NotifierEvent } from '../shared/notifier-event.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { MessageKey, MessageReader, StoredMessage } from './mailbox-ports.ts';
import { toReceivedMessage } from './received-message.ts';
import type { ConnectionGateway, ConnectionStore, PushServices, PushStore, SocketOwner } from './socket-ports.ts';

const concurrent = 8;
const wakeFrame: WakeFrame = { type: 'wake' };

export interface NotifierDeps {
  readonly messages: MessageReader;
  readonly connections: Pick<ConnectionStore, 'listConnections' | 'deleteReady'>;
  readonly gateway: ConnectionGateway;
  readonly pushes: Pick<PushStore, 'listSubscriptions' | 'deleteSubscription' | 'beginNotice'>;
  readonly pushServices: PushServices;
  readonly clock: Clock;
}

export class Notifier {
  readonly #deps: NotifierDeps;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  /** @throws VaultError `unavailable` if the table could not be read */
  async run(event: NotifierEvent): Promise<void> {
    if (event.kind === 'close') {
      await mapConcurrent(event.connections, concurrent, (connection) => this.#deps.gateway.close(connection));
      return;
    }
    if (event.kind === 'wake') {
      const { org, devices } = event;
      await mapConcurrent(devices, concurrent, (device) => this.#send({ org, device }, [JSON.stringify(wakeFrame)]));
      return;
    }
    const { org, messages } = event;
    const groups = Map.groupBy(messages, ({ recipient }) => recipient);
    await mapConcurrent([...groups], concurrent, ([device, keys]) => this.#notify({ org, device }, keys));
  }

  async #notify(owner: SocketOwner, keys: readonly MessageKey[]): Promise<void> {
    // Read again: what was acknowledged or deleted meanwhile is not sent.
    const stored = await this.#deps.messages.get(owner.org, keys);
    if (stored.length > 0) await this.#send(owner, framesOf(stored));
  }

  /** Frames to all ready connections, or a push notice if none takes them. */
  async #send(owner: SocketOwner, frames: readonly string[]): Promise<void> {
    const { connections } = this.#deps;
    const ready = (await connections.listConnections(owner)).filter((one) => one.ready);
    const taken = await mapConcurrent(ready, concurrent, ({ connection }) => this.#post(owner, connection, frames));
    if (!taken.includes(true)) await this.#push(owner);
  }

  /** Whether the connection took all frames. */
  async #post(owner: SocketOwner, connection: string, frames: readonly string[]): Promise<boolean> {
    const { gateway, connections } = this.#deps;
    for (const frame of frames) {
      const delivery = await gateway.post(connection, frame);
      if (delivery === 'sent') continue;
      if (delivery === 'gone') await connections.deleteReady(owner, connection);
      return false;
    }
    return true;
  }

  async #push(owner: SocketOwner): Promise<void> {
    const { pushes, pushServices, clock } = this.#deps;
    const now = clock();
    const all = await pushes.listSubscriptions(owner);
    const valid = all.filter(({ expiresAt }) => !hasPassed(expiresAt, now));
    if (valid.length === 0) return;
    const seconds = Math.floor(now.getTime() / 1000);
    if (!(await pushes.beginNotice(owner, seconds, seconds - sessionLimits.pushIntervalSeconds))) return;
    await mapConcurrent(valid, concurrent, async ({ id, endpoint }) => {
      if ((await pushServices.notify(endpoint)) === 'gone') await pushes.deleteSubscription(owner, id);
    });
  }
}

/** A frame for each small message, in the order of the counters of each sender, and one `wake` for all others. */
function framesOf(stored: readonly StoredMessage[]): string[] {
  const small = stored.filter(({ message }) => message.length <= sessionLimits.frameMessageBytes);
  const ordered = small.toSorted((a, b) =>
    a.sender === b.sender ? a.counter - b.counter : a.sender < b.sender ? -1 : 1,
  );
  const frames: (MessageFrame | WakeFrame)[] = ordered.map((one) => ({ type: 'message', ...toReceivedMessage(one) }));
  if (small.length < stored.length) frames.push(wakeFrame);
  return frames.map((frame) => JSON.stringify(frame));
}

/** Tickets that open sockets (docs/session-service.md, section 8). */
import { createHash, randomBytes } from 'node:crypto';
import { socketSubprotocol, ticketSubprotocolPrefix } from '../../contract/sessions/frames.ts';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { CreateTicketResponse } from '../../contract/sessions/wire.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import type { SocketOwner, StoredTicket, TicketStore } from './socket-ports.ts';

const secretLength = 32;
/** The org, and 32 bytes in base64url. */
const ticketPattern = /^([0-9a-z]{16})[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export interface PresentedTicket extends SocketOwner, Pick<StoredTicket, 'certificate'> {}

const hashOf = (ticket: string): string => createHash('sha256').update(ticket).digest('hex');

export class TicketService {
  readonly #store: TicketStore;
  readonly #socketUrl: string;
  readonly #clock: Clock;

  constructor(store: TicketStore, socketUrl: string, clock: Clock) {
    this.#store = store;
    this.#socketUrl = socketUrl;
    this.#clock = clock;
  }

  /** Makes a ticket. Each call makes another one. @throws VaultError `unavailable` */
  async create({ org, device, certificate }: SessionSigner): Promise<CreateTicketResponse> {
    const ticket = `${org}${randomBytes(secretLength).toString('base64url')}`;
    const expiresAt = addSeconds(this.#clock(), sessionLimits.ticketSeconds);
    const expires = Math.floor(Date.parse(expiresAt) / 1000);
    await this.#store.putTicket(org, hashOf(ticket), { device: device.id, certificate, expires });
    return { ticket, url: this.#socketUrl, expiresAt };
  }

  /**
   * Uses up the ticket of an upgrade request. Undefined unless it is valid, and this call used it.
   * @param offered value of `Sec-WebSocket-Protocol`
   * @throws VaultError `unavailable`
   */
  async take(offered: string | undefined): Promise<PresentedTicket | undefined> {
    const ticket = ticketOf(offered ?? '');
    const org = ticketPattern.exec(ticket ?? '')?.[1];
    if (ticket === undefined || org === undefined) return undefined;
    const now = Math.floor(this.#clock().getTime() / 1000);
    const taken = await this.#store.takeTicket(org, hashOf(ticket), now);
    return taken && { org, ...taken };
  }
}

/** The ticket in `anima.v1, t.<ticket>`; undefined for another offer. */
function ticketOf(offered: string): string | undefined {
  const [protocol, second, ...others] = offered.split(',').map((name) => name.trim());
  if (protocol !== socketSubprotocol || others.length > 0) return undefined;
  return second?.startsWith(ticketSubprotocolPrefix) ? second.slice(ticketSubprotocolPrefix.length) : undefined;
}

/**
 * Ports of sockets and push notices (docs/session-service.md, sections 8 and 9). Nothing that the stores return is trusted:
 * a connection gets ciphertext only.
 */

/** The device that a ticket, or a connection, belongs to. */
export interface SocketOwner {
  readonly org: string;
  readonly device: string;
}

export interface StoredTicket {
  readonly device: string;
  /** Certificate with which a member of a fleet asked for it. */
  readonly certificate: Uint8Array | undefined;
  /** Seconds since 1970. */
  readonly expires: number;
}

export interface TicketStore {
  /** @param hash SHA-256 of the ticket, in hexadecimal */
  putTicket(org: string, hash: string, ticket: StoredTicket): Promise<void>;
  /** Deletes a ticket that has not expired, and returns it. @param now seconds since 1970 */
  takeTicket(org: string, hash: string, now: number): Promise<Omit<StoredTicket, 'expires'> | undefined>;
}

export interface DeviceConnection {
  readonly connection: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly ready: boolean;
}

export interface ConnectionStore {
  /** Stores a connection that is not ready, and the way from its id to its device. @param ttl seconds since 1970 */
  putPending(owner: SocketOwner, connection: string, since: number, ttl: number): Promise<void>;
  findOwner(connection: string): Promise<SocketOwner | undefined>;
  /** Returns false and changes nothing if the connection is not stored for this device. */
  markReady(owner: SocketOwner, connection: string): Promise<boolean>;
  /** All connections of a device, strongly consistent. */
  listConnections(owner: SocketOwner): Promise<readonly DeviceConnection[]>;
  /** Deletes a connection of a device, and the way to it. */
  deleteConnection(owner: SocketOwner, connection: string): Promise<void>;
  /** Deletes a connection that is ready. A pending one stays: it may be about to be established. */
  deleteReady(owner: SocketOwner, connection: string): Promise<void>;
}

export interface PushSubscription {
  /** The first 16 bytes of the SHA-256 of the endpoint, in hexadecimal. */
  readonly id: string;
  readonly endpoint: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

export interface PushStore {
  putSubscription(owner: SocketOwner, subscription: PushSubscription): Promise<void>;
  listSubscriptions(owner: SocketOwner): Promise<readonly PushSubscription[]>;
  /** Returns whether this call deleted it. */
  deleteSubscription(owner: SocketOwner, id: string): Promise<boolean>;
  /** Begins a notice. Returns false if one began after `notBefore`. Both are seconds since 1970. */
  beginNotice(owner: SocketOwner, now: number, notBefore: number): Promise<boolean>;
}

/** How a service took a frame or a notice: `gone` says that the connection or subscription does not exist any more. */
export type Delivery = 'sent' | 'gone' | 'failed';

/** The connections of the gateway. Both methods never throw. */
export interface ConnectionGateway {
  post(connection: string, frame: string): Promise<Delivery>;
  close(connection: string): Promise<void>;
}

/**
 * Sends a notice without content. Web Push is the only adapter. FCM and APNs would be others: what they send is constant,
 * because there is no argument for anything else.
 */
export interface PushServices {
  /** Never throws. */
  notify(endpoint: string): Promise<Delivery>;
}

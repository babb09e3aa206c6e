/** Interfaces of conversations. Those of users are in user-ports.ts, those of channels in channel-ports.ts. */

import type { Message } from '../../contract/conversations/wire.ts';
import type { ChannelName } from '../channels/channel-ports.ts';

/** The stored record of a delivered message. */
export interface Delivery {
  /** ID of the job and of the stored message. It sorts by time. */
  readonly job: string;
  /** `queued` after the job was sent to the queue. */
  readonly state: 'new' | 'queued';
}

export interface DeliveryStore {
  /**
   * Stores a delivery in the state `new` unless one with this ID exists. Returns the stored delivery, old or new.
   * @param ttl seconds since 1970, used only by DynamoDB's expiry. Undefined means that the delivery does not expire
   */
  claim(org: string, id: string, job: string, ttl: number | undefined): Promise<Delivery>;
  /** Claims a single-use token for a delivery. Returns false if it was claimed for another delivery. */
  claimToken(org: string, id: string, delivery: string, ttl: number | undefined): Promise<boolean>;
  markQueued(org: string, id: string): Promise<void>;
}

/** The responder's input. It contains neither the sender's identity nor any credential or key. */
export interface ResponderRequest {
  readonly org: string;
  readonly user: string;
  readonly channel: ChannelName;
  readonly message: { readonly id: string; readonly text: string; readonly at: string };
  /**
   * Whether other people can read the answer. If so, `history` is empty, so that the answer cannot repeat private
   * messages.
   */
  readonly shared: boolean;
  /** Earlier messages of the conversation on all channels, oldest first. */
  readonly history: readonly Omit<Message, 'id'>[];
}

export interface Responder {
  /** Returns undefined for no answer. @throws VaultError `unavailable` if the responder failed or timed out */
  answer(request: ResponderRequest): Promise<string | undefined>;
}

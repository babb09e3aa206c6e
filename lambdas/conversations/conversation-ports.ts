/** What conversations need from the world, beside users (user-ports.ts) and channels (channel-ports.ts). */

import type { Message } from '../../contract/conversations/wire.ts';
import type { ChannelName } from '../channels/channel-ports.ts';

/** A message as it was seen first. */
export interface Delivery {
  /** Under which its message is stored: an id that sorts by time. */
  readonly job: string;
  /** `queued` once its job is in the queue. */
  readonly state: 'new' | 'queued';
}

export interface DeliveryStore {
  /**
   * Puts a delivery in state `new`, on condition that there is none of that id; what is there then, the one before or this.
   * @param ttl seconds since 1970, for DynamoDB's sweeper only; undefined keeps it for ever
   */
  claim(org: string, id: string, job: string, ttl: number | undefined): Promise<Delivery>;
  /** Claims a single-use token for a delivery; false when it was claimed for another. */
  claimToken(org: string, id: string, delivery: string, ttl: number | undefined): Promise<boolean>;
  markQueued(org: string, id: string): Promise<void>;
}

/** What a responder is told. Neither who the sender is, nor anything that opens something. */
export interface ResponderRequest {
  readonly org: string;
  readonly user: string;
  readonly channel: ChannelName;
  readonly message: { readonly id: string; readonly text: string; readonly at: string };
  /** Whether others than the user read the answer: then there is no history, since what is private could be answered with. */
  readonly shared: boolean;
  /** The conversation before, on all channels: oldest first. */
  readonly history: readonly Omit<Message, 'id'>[];
}

export interface Responder {
  /** The answer; undefined for none. @throws VaultError `unavailable` when it failed or took too long */
  answer(request: ResponderRequest): Promise<string | undefined>;
}

/** Interfaces of conversations. Those of users are in user-ports.ts, those of channels in channel-ports.ts. */

import type { Message, MessageMedia } from '../../contract/conversations/wire.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
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

/** Stores files that arrive with a webhook request. Objects that the worker does not take over expire. */
export interface ReceivedMediaStore {
  /** @throws VaultError `unavailable` */
  putReceived(org: string, id: string, object: Uint8Array): Promise<void>;
}

/** The encrypted files of users. */
export interface MediaStore {
  /** @throws VaultError `unavailable` */
  put(owner: UserRef, id: string, object: Uint8Array): Promise<void>;
  /** Makes a received file one of the user's. Returns false if it no longer exists. @throws VaultError `unavailable` */
  takeOver(owner: UserRef, id: string): Promise<boolean>;
  /** @throws VaultError `unavailable` */
  delete(owner: UserRef, ids: readonly string[]): Promise<void>;
}

/** Creates URLs of the encrypted files of users. Computed without a call. */
export interface MediaUrls {
  /** A URL that works for limits.mediaUrlSeconds. */
  presign(owner: UserRef, id: string): Promise<string>;
}

/** The responder's input. It contains neither the sender's identity nor any credential or key. */
export interface ResponderRequest {
  readonly org: string;
  readonly user: string;
  readonly channel: ChannelName;
  readonly message: {
    readonly id: string;
    /** Never empty. */
    readonly text: string;
    readonly at: string;
    readonly subject?: string | undefined;
    readonly media?: readonly MessageMedia[] | undefined;
  };
  /**
   * Whether other people can read the answer. If so, `history` is empty, so that the answer cannot repeat private
   * messages.
   */
  readonly shared: boolean;
  /** Earlier messages of the conversation on all channels, oldest first. */
  readonly history: readonly Omit<Message, 'id' | 'original'>[];
}

export interface Responder {
  /** Returns undefined for no answer. @throws VaultError `unavailable` if the responder failed or timed out */
  answer(request: ResponderRequest): Promise<string | undefined>;
}

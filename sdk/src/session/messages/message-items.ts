/** The items of messages that a device stores. Names begin with the prefixes below. */
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { AttachmentReference, MessageContent } from '../../../../core/sessions/message-content.ts';
import type { DeliveryState, DirectoryRole } from '../session-types.ts';

/** A message of this device. */
export interface SentItem {
  readonly id: Bytes;
  /** What the message names: a conversation or a link. */
  readonly place: string;
  readonly isLink: boolean;
  readonly counter: number;
  readonly time: number;
  readonly type: string;
  /** Absent after every device has confirmed it, unless there is a history. */
  readonly body: Bytes | AttachmentReference | undefined;
  readonly devices: Readonly<Record<string, DeliveryState>>;
  /** Person of each owner's device; the device itself for an agent. */
  readonly persons: Readonly<Record<string, string>>;
}

/** Something to seal for one device. */
export type TodoItem =
  | { readonly kind: 'message'; readonly id: string }
  | {
      readonly kind: 'control';
      readonly type: string;
      readonly body: Bytes;
      readonly conversation: string | undefined;
    };

/** A sealed message that the relay has not taken over yet. It is sent again as it is, never sealed again. */
export interface OutItem {
  readonly message: Bytes;
  readonly conversation: string | undefined;
  /** Name and content of the todo from which it was made; absent for a resync. */
  readonly todo: readonly [name: string, item: TodoItem] | undefined;
}

/** An opened message that is not given to the application yet. */
export interface HeldItem {
  readonly sender: string;
  readonly content: MessageContent;
  /** When it was opened. */
  readonly at: number;
}

/** An opened message for the application. */
export interface InboxItem {
  readonly sender: string;
  readonly person: string;
  readonly role: DirectoryRole;
  readonly id: Bytes;
  readonly place: string;
  readonly counter: number;
  readonly isLate: boolean;
  /** Whether it is of another device of the own person. */
  readonly isOwn: boolean;
  readonly time: number;
  readonly type: string;
  readonly body: Bytes | AttachmentReference;
  readonly at: number;
}

/** A message that did not open, or whose sender is not active. */
export interface QuarantineItem {
  readonly message: Bytes;
  readonly certificate: Bytes | undefined;
  readonly at: number;
}

/** Which messages of one sender in one place this device has. */
export interface TrackItem {
  /** The counter after the highest one. */
  readonly next: number;
  /** Ranges below it that are missing, ends included. */
  readonly missing: readonly (readonly [number, number])[];
  /** Ids of the last messages in hex. */
  readonly ids: readonly string[];
}

export const prefixes = {
  sent: 'sent/',
  todo: 'todo/',
  out: 'out/',
  /** Messages that a device has not confirmed, in the order in which they were written. */
  unconfirmed: 'unconfirmed/',
  held: 'held/',
  inbox: 'inbox/',
  quarantine: 'quarantine/',
  handled: 'handled/',
  track: 'track/',
  history: 'history/',
} as const;

/** Control messages come first: a resync is answered before anything is sent again. */
export const todoName = (device: string, kind: TodoItem['kind'], number: string): string =>
  `${prefixes.todo}${device}/${kind === 'control' ? 'a' : 'b'}${number}`;

/** A counter in a name, in the order of numbers. */
export const counterText = (counter: number): string => counter.toString(16).padStart(16, '0');

export const outName = (device: string, counter: number): string => `${prefixes.out}${device}/${counterText(counter)}`;

/** The conversation of control messages (docs/format-sessions.md, section 8). */
export const controlPlace = '0'.repeat(32);
export const receiptType = 'anima/receipt';

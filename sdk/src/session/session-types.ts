/** Public types of `@anima/sdk/session`. */
import type { DirectoryRole } from '../../../core/directory/entry-bodies.ts';
import type { SessionStorage } from '../device/storage/storage-ports.ts';
import type { AnimaOptions, CallOptions } from '../shared/client-options.ts';
import type { SocketConstructor } from './live/live-socket.ts';
import type { SessionClock } from './session-clock.ts';

export type { DirectoryRole };

export interface SessionDevicesOptions extends Omit<AnimaOptions, 'apiKey' | 'session'> {
  /** Where this device keeps its keys, sessions and messages, encrypted. */
  readonly storage: SessionStorage;
  /** Days for which messages stay on this device after they were confirmed. Default 0: not at all. */
  readonly historyDays?: number | undefined;
  /** Whether receipts are sent to senders. Default: true. */
  readonly receipts?: boolean | undefined;
  /** For programs without a person: new participants need no `conversations.accept`. Default: false. */
  readonly acceptsParticipants?: boolean | undefined;
  /** Replaces the platform's `WebSocket`, through which messages arrive at once. `false`: they are only polled. */
  readonly webSocket?: SocketConstructor | false | undefined;
  /** Called with everything that a person should know. */
  readonly onNotice?: ((notice: SessionNotice) => void) | undefined;
  /** Replaced by tests. */
  readonly clock?: SessionClock | undefined;
}

/** Something that a device reports and goes on after. */
export interface SessionNotice {
  readonly kind:
    | 'directory_frozen'
    | 'directory_forked'
    | 'directory_behind'
    | 'conversation_conflict'
    | 'participants_changed'
    | 'message_quarantined'
    | 'messages_missing'
    | 'message_refused'
    | 'counter_reused'
    | 'session_restarted'
    | 'sync_failed';
  /** For people: which device, conversation or entry. Never content. */
  readonly detail: string;
}

export interface EnrollProgress {
  /** `sent`: the keys are at the service. `waiting`: for an admin. `admitted`: for another device of the person. */
  readonly state: 'sent' | 'waiting' | 'admitted' | 'active';
  /** For the admin, or the person's other device, to compare. */
  readonly fingerprint: string;
}

export interface EnrollOptions extends CallOptions {
  /** Default: the environment variable `ANIMA_INVITE`. */
  readonly invite?: string | undefined;
  /** Instead of an invite: goes on with the device of this org that the storage has. */
  readonly org?: string | undefined;
  /** Name of this device in the storage: 1 to 16 characters of `0-9 a-z`. Default: `device`. */
  readonly name?: string | undefined;
  readonly onProgress?: ((progress: EnrollProgress) => void) | undefined;
}

export interface JoinFleetOptions extends CallOptions {
  readonly org: string;
  /** Pin of the directory, from the admin by a trusted channel: 43 characters. */
  readonly pin: string;
  readonly name?: string | undefined;
  /** Asks the holder of the fleet key for a certificate. Called at the start, and before the last one ends. */
  readonly certify: CertifyKeys;
}

export type CertifyKeys = (keys: {
  readonly device: string;
  readonly ik: Uint8Array;
  readonly dh: Uint8Array;
}) => Promise<Uint8Array>;

export interface SessionDeviceInfo {
  readonly device: string;
  readonly person: string;
  readonly role: DirectoryRole;
  readonly can: readonly string[];
  /** `pending` until a device of the person countersigned it. */
  readonly status: 'pending' | 'active' | 'suspended' | 'revoked' | 'expired';
  readonly fingerprint: string;
  readonly isThis: boolean;
}

export interface Participants {
  /** Persons whose devices take part, the own one included. */
  readonly persons: readonly string[];
  /** Ids of agents and brokers. */
  readonly agents: readonly string[];
}

export interface ConversationDevice {
  readonly device: string;
  readonly person: string;
  readonly role: DirectoryRole;
}

export interface ConversationInfo extends Participants {
  readonly conversation: string;
  readonly host: string;
  readonly version: number;
  /** Whether it counts now, and this device takes part. */
  readonly isCurrent: boolean;
  /** Devices to which a message goes now, this one included. */
  readonly devices: readonly ConversationDevice[];
}

/** Who takes part and was not shown yet, or no longer does. */
export interface ConversationChanges {
  readonly conversation: string;
  readonly added: readonly ConversationDevice[];
  readonly removed: readonly string[];
}

/** What `send` takes. Strings are UTF-8. */
export type MessageBody = string | Uint8Array | { readonly text?: string; readonly files: readonly SessionFile[] };

/** Content of a file: bytes, a `Blob` or `File`, or a stream of pieces. At most 16 MiB. */
export type FileData =
  | Uint8Array
  | { readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }
  | AsyncIterable<Uint8Array>;

export interface SessionFile {
  /** For people: without a path, at most 255 bytes. */
  readonly name: string;
  /** Media type. Default: `application/octet-stream`. */
  readonly type?: string | undefined;
  readonly data: FileData;
}

/** Bytes that were transferred. Uploads report after each file. */
export interface TransferProgress {
  readonly bytes: number;
  readonly total: number;
}

export interface ReadOptions extends CallOptions {
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

/** A file of a message, which is downloaded when it is read. */
export interface ReceivedFile {
  /** Chosen by the sender. It contains no path. */
  readonly name: string;
  /** Claimed by the sender. */
  readonly type: string;
  readonly length: number;
  /** @throws SessionError attachment_damaged; AnimaError attachment_not_found after 30 days */
  read(options?: ReadOptions): Promise<Uint8Array>;
}

export type DeliveryState = 'queued' | 'sent' | 'delivered' | 'read' | 'refused';

export interface SentMessage {
  /** 32 characters of hex, the same at all devices. */
  readonly id: string;
  readonly conversation: string;
  /** The lowest state of the other participants, each by the device that is farthest. */
  readonly state: DeliveryState;
  readonly devices: Readonly<Record<string, DeliveryState>>;
}

export interface ReceivedMessage {
  readonly id: string;
  readonly conversation: string;
  /** Verified: this device wrote it. */
  readonly sender: ConversationDevice;
  /** Whether another device of the own person wrote it. */
  readonly isOwn: boolean;
  /** 1, 2, 3 … for each conversation of the sending device. */
  readonly counter: number;
  /** Whether messages with a higher counter were given before. */
  readonly isLate: boolean;
  /** By the clock of the sender. */
  readonly time: Date;
  readonly type: string;
  /** Bytes of the body. A long one is downloaded and verified by `read`. */
  readonly length: number;
  /** Beside the body, which is then the text. */
  readonly files: readonly ReceivedFile[];
  /** @throws SessionError attachment_damaged; AnimaError attachment_not_found after 30 days */
  read(options?: ReadOptions): Promise<Uint8Array>;
  /** The body as UTF-8. */
  text(options?: ReadOptions): Promise<string>;
  /** The application has it: it is not given again. `messages()` does this when it is asked for the next one. */
  confirm(): Promise<void>;
}

export interface SyncResult {
  /** Numbers of messages that were opened, and of messages that the relay has taken over. */
  readonly received: number;
  readonly sent: number;
  /** Messages that are still queued, and messages in quarantine. */
  readonly queued: number;
  readonly quarantined: number;
}

/** What a device and an admin ask of the service (docs/session-service.md). Nothing that it answers is verified. */
import type { ListedTripwires, ListedUse, QuestionRefusalReason } from '../../../../contract/approvals/wire.ts';
import type { DirectoryRole } from '../../../../core/directory/entry-bodies.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';

export interface EntriesPage {
  readonly entries: readonly Bytes[];
  /** Sequence number of the head. */
  readonly head: number;
  readonly more: boolean;
}

export interface CheckpointParts {
  readonly seq: number;
  readonly checkpoint: Bytes;
  readonly subtrees: readonly Bytes[];
  readonly leaves: readonly Bytes[];
}

export interface OutgoingMessage {
  readonly to: string;
  readonly counter: number;
  readonly conversation: string | undefined;
  readonly message: Bytes;
}

export interface MessageResult {
  readonly to: string;
  readonly counter: number;
  readonly outcome: 'stored' | 'acknowledged' | 'counter_used' | 'not_allowed' | 'mailbox_full';
  readonly highest: number | undefined;
}

export interface IncomingMessage {
  /** `<sender>/<counter>` */
  readonly name: string;
  readonly message: Bytes;
  readonly certificate: Bytes | undefined;
}

export interface PublishedPrekeys {
  /** Number of one-time prekeys that are left, and the highest id that one had. */
  readonly left: number;
  readonly highestId: number;
}

export interface ClaimedBundle {
  readonly bundle: Bytes;
  readonly oneTimePrekey: Bytes | undefined;
  readonly certificate: Bytes | undefined;
}

/** Requests that a device signs. @throws AnimaError */
export interface SessionRequests {
  entries(after: number, settings: CallSettings): Promise<EntriesPage>;
  /** Undefined if there is no checkpoint. */
  checkpoint(settings: CallSettings): Promise<CheckpointParts | undefined>;
  /** @throws AnimaError log_conflict, entry_refused */
  appendEntry(signed: Bytes, settings: CallSettings): Promise<void>;
  /** @throws AnimaError bundle_outdated */
  putBundle(bundle: Bytes, oneTimePrekeys: readonly Bytes[], settings: CallSettings): Promise<PublishedPrekeys>;
  claim(device: string, conversation: string | undefined, settings: CallSettings): Promise<ClaimedBundle>;
  putConversation(conversation: string, signed: Bytes, settings: CallSettings): Promise<void>;
  conversations(settings: CallSettings): Promise<readonly Bytes[]>;
  send(messages: readonly OutgoingMessage[], settings: CallSettings): Promise<readonly MessageResult[]>;
  receive(
    after: string | undefined,
    settings: CallSettings,
  ): Promise<{ readonly messages: readonly IncomingMessage[]; readonly next: string | undefined }>;
  acknowledge(names: readonly string[], settings: CallSettings): Promise<void>;
  readonly attachments: AttachmentRequests;
  readonly sockets: SocketRequests;
  readonly push: PushRequests;
  readonly approvals: ApprovalRequests;
}

export interface IncomingQuestion {
  readonly approval: string;
  readonly question: Bytes;
}

export interface ActivityQuery {
  readonly from?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** Results as text: later services have more of them. */
export type IncomingUse = Omit<ListedUse, 'result' | 'upstream'> & {
  readonly result?: string | undefined;
  readonly upstream?: string | undefined;
};

export type IncomingTripwires = Omit<ListedTripwires, 'result'> & { readonly result: string };

export interface IncomingActivity {
  readonly uses: readonly IncomingUse[];
  readonly tripwires: readonly IncomingTripwires[];
  readonly cursor?: string | undefined;
}

export interface PublishedPersonKey {
  readonly signed: Bytes | undefined;
  readonly devices: readonly { readonly device: string; readonly signed: Bytes }[];
}

/** Requests of a device that answers questions (docs/approvals.md). @throws AnimaError */
export interface ApprovalRequests {
  /** @throws AnimaError approval_key_refused */
  putKey(signed: Bytes, settings: CallSettings): Promise<void>;
  list(settings: CallSettings): Promise<readonly IncomingQuestion[]>;
  /** @throws AnimaError approval_answered, approval_expired, answer_refused, approval_not_found */
  answer(approval: string, signed: Bytes, shares: Bytes | undefined, settings: CallSettings): Promise<void>;
  /** The signed key of the own person, and the signed approval keys of its devices. */
  personKey(settings: CallSettings): Promise<PublishedPersonKey>;
  /** @throws AnimaError approval_key_refused, person_key_conflict */
  putPersonKey(signed: Bytes, settings: CallSettings): Promise<void>;
  refuse(approval: string, reason: QuestionRefusalReason, settings: CallSettings): Promise<void>;
  /** @throws AnimaError not_approver */
  activity(query: ActivityQuery, settings: CallSettings): Promise<IncomingActivity>;
}

export interface AttachmentRequests {
  /** Stores ciphertext under a new name. */
  put(name: string, bytes: Bytes, settings: CallSettings): Promise<void>;
  /** @returns `length` bytes, or another number if the stored object has another length */
  get(
    name: string,
    length: number,
    settings: CallSettings,
    onProgress?: ((bytes: number) => void) | undefined,
  ): Promise<Bytes>;
}

export interface SocketRequests {
  /** A ticket for one connection, and the address of the WebSocket. */
  ticket(settings: CallSettings): Promise<{ readonly ticket: string; readonly url: string }>;
}

export interface PushRequests {
  /** Public key of the service for push notices, 65 bytes. */
  key(settings: CallSettings): Promise<Bytes>;
  /** @throws AnimaError endpoint_refused */
  put(endpoint: string, settings: CallSettings): Promise<{ readonly subscription: string; readonly expiresAt: Date }>;
  /** Removes one subscription, or all. @returns how many were removed */
  delete(subscription: string | undefined, settings: CallSettings): Promise<number>;
}

export interface BegunEnrollment {
  readonly person: string;
  readonly role: DirectoryRole;
  readonly challenge: Bytes;
}

export interface EnrollmentKeys {
  readonly ik: Bytes;
  readonly dh: Bytes;
  readonly proof: Bytes;
  readonly possession: Bytes;
}

/** Requests with the lookup value of an invite. @throws AnimaError invite_refused */
export interface EnrollmentRequests {
  begin(lookup: Bytes, settings: CallSettings): Promise<BegunEnrollment>;
  put(lookup: Bytes, keys: EnrollmentKeys, settings: CallSettings): Promise<void>;
  entries(lookup: Bytes, after: number, settings: CallSettings): Promise<EntriesPage>;
}

export interface OpenInvite extends BegunEnrollment {
  readonly invite: string;
  readonly enrollment: EnrollmentKeys | undefined;
}

/** Public keys of the broker of a person. */
export interface BrokerKeys {
  readonly device: string;
  readonly ik: Bytes;
  readonly dh: Bytes;
}

/** Requests with the API key of an admin. @throws AnimaError */
export interface AdminRequests {
  brokerKeys(person: string, settings: CallSettings): Promise<BrokerKeys>;
  entries(after: number, settings: CallSettings): Promise<EntriesPage>;
  /** @throws AnimaError log_conflict, entry_refused */
  append(signed: Bytes, settings: CallSettings): Promise<void>;
  createInvite(
    invite: { readonly invite: string; readonly person: string; readonly role: DirectoryRole; readonly stored: Bytes },
    settings: CallSettings,
  ): Promise<void>;
  invites(settings: CallSettings): Promise<readonly OpenInvite[]>;
  deleteInvite(invite: string, settings: CallSettings): Promise<boolean>;
}

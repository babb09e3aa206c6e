/** JSON types of the routes of session custody. Binary fields are standard base64 (docs/session-service.md). */

/** Roles of devices (docs/format-directory.md, section 1). */
export type SessionRole = 'owner' | 'agent' | 'broker';

export interface AppendDirectoryRequest {
  /** The signed entry. */
  entry: string;
}

export interface AppendDirectoryResponse {
  /** Sequence number of the entry. */
  seq: number;
}

export interface ReadDirectoryResponse {
  /** Signed entries in order, without gaps. */
  entries: string[];
  /** Sequence number of the head; 0 if there is no directory. */
  head: number;
  /** Whether entries after the last one of this response exist. */
  more: boolean;
}

export interface ReadCheckpointResponse {
  /** Sequence number of the checkpoint. */
  seq: number;
  /** The signed entry. */
  checkpoint: string;
  /** Subtrees of the tree over the entries before the checkpoint, largest first. */
  subtrees: string[];
  /** Leaves of the state before the checkpoint, in ascending order: those of this part. */
  leaves: string[];
  /** Number of parts. */
  parts: number;
}

export interface CreateInviteRequest {
  /** Chosen by the client: 16 characters of `0-9 a-z`. */
  invite: string;
  person: string;
  role: SessionRole;
  /** BLAKE2b-256 of the lookup value, 32 bytes. */
  stored: string;
}

export interface CreateInviteResponse {
  invite: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** What a device sent with an invite. */
export interface SentEnrollment {
  ik: string;
  dh: string;
  proof: string;
  possession: string;
}

export interface InviteInfo {
  invite: string;
  person: string;
  role: SessionRole;
  /** RFC 3339. */
  expiresAt: string;
  challenge: string;
  enrollment?: SentEnrollment | undefined;
}

export interface ListInvitesResponse {
  invites: InviteInfo[];
}

export interface DeleteInviteResponse {
  /** False if there was no such invite. */
  deleted: boolean;
}

export interface BeginEnrollmentRequest {
  /** 32 bytes. */
  lookup: string;
}

export interface BeginEnrollmentResponse {
  person: string;
  role: SessionRole;
  /** 32 bytes. */
  challenge: string;
  /** RFC 3339. */
  expiresAt: string;
}

export interface PutEnrollmentRequest extends SentEnrollment {
  lookup: string;
}

export interface PutEnrollmentResponse {
  /** RFC 3339: until then, the enrollment waits for the admin. */
  expiresAt: string;
}

export interface ReadInvitedDirectoryRequest {
  lookup: string;
  /** Sequence number of the last entry that the device has; 0 for none. */
  after: number;
}

export interface PutBundleRequest {
  /** The signed bundle. */
  bundle: string;
  /** Signed one-time prekeys. */
  oneTimePrekeys: string[];
}

export interface PutBundleResponse {
  /** `seq` of the stored bundle. */
  seq: number;
  /** Number of one-time prekeys that are left. */
  oneTimePrekeys: number;
  /** The highest id that a one-time prekey of the device had; 0 if there was none. New ids are higher. */
  highestId: number;
}

export interface GetBundleResponse extends PutBundleResponse {
  bundle: string;
}

export interface ClaimBundleRequest {
  /** The conversation that lets the two devices write to each other. Absent if a link does. */
  conversation?: string | undefined;
}

export interface ClaimBundleResponse {
  bundle: string;
  /** Absent if none is left, or the claims of this hour are used up. */
  oneTimePrekey?: string | undefined;
  /** The certificate of a member of a fleet. */
  certificate?: string | undefined;
}

export interface PutConversationRequest {
  /** The signed statement. */
  statement: string;
}

export interface PutConversationResponse {
  conversation: string;
  version: number;
}

export interface ListConversationsResponse {
  /** Signed statements, by ascending id of the conversation. */
  statements: string[];
  /** The value of `after` that continues the list. Absent at its end. */
  next?: string | undefined;
}

export interface OutgoingMessage {
  /** Device of the recipient. */
  to: string;
  /** Raised by the sender for every message to this recipient. */
  counter: number;
  /** Absent if a link lets the two devices write to each other. */
  conversation?: string | undefined;
  message: string;
}

export interface SendMessagesRequest {
  messages: OutgoingMessage[];
}

export type MessageOutcome = 'stored' | 'acknowledged' | 'counter_used' | 'not_allowed' | 'mailbox_full';

export interface SentMessage {
  to: string;
  counter: number;
  outcome: MessageOutcome;
  /** For `counter_used`: the highest counter of the sender for this recipient. */
  highest?: number | undefined;
}

export interface SendMessagesResponse {
  /** In the order of the request. */
  messages: SentMessage[];
}

export interface ReceivedMessage {
  /** `<sender>/<counter>` */
  name: string;
  conversation?: string | undefined;
  message: string;
  /** RFC 3339: when the service stored it. */
  storedAt: string;
  /** The certificate with which a member of a fleet sent the message. */
  certificate?: string | undefined;
}

export interface ReadMailboxResponse {
  messages: ReceivedMessage[];
  /** The value of `after` that continues. Absent at the end of the mailbox. */
  next?: string | undefined;
}

export interface AcknowledgeRequest {
  /** Names of messages. */
  names: string[];
}

export interface CreateAttachmentRequest {
  /** 128 random bits, chosen by the client: 32 characters of `0-9 a-f`. */
  name: string;
  /** Length of the ciphertext. */
  bytes: number;
  /** SHA-256 of the ciphertext, 32 bytes. */
  sha256: string;
}

export interface CreateAttachmentResponse {
  /** A PUT of the ciphertext to this URL, with these headers, stores it once. 412: it is stored already. */
  url: string;
  headers: Record<string, string>;
  /** RFC 3339: until then, the URL works. */
  expiresAt: string;
}

export interface GetAttachmentResponse {
  /** A GET of this URL answers the ciphertext. */
  url: string;
  /** RFC 3339: until then, the URL works. */
  expiresAt: string;
}

export interface CreateTicketResponse {
  /** For one connection: 59 characters that a subprotocol can have. */
  ticket: string;
  /** Address of the WebSocket, `wss://…`. */
  url: string;
  /** RFC 3339. */
  expiresAt: string;
}

export interface PutPushRequest {
  /** `endpoint` of the push subscription (RFC 8030, section 2). */
  endpoint: string;
}

export interface PutPushResponse {
  /** Names the subscription: 32 characters of `0-9 a-f`. */
  subscription: string;
  /** RFC 3339. */
  expiresAt: string;
}

export interface DeletePushResponse {
  /** Number of subscriptions that this request removed. */
  removed: number;
}

export interface GetPushKeyResponse {
  /** Public key of the deployment for push notices (RFC 8292, section 3.2): 65 bytes in base64url without padding. */
  applicationServerKey: string;
}

export interface AcknowledgeResponse {
  /** Number of names. A name that is not there counts too. */
  acknowledged: number;
}

/** Decoders of the responses of session custody. Bytes are decoded here, and verified by the caller. */
import type {
  AcknowledgeResponse,
  AppendDirectoryResponse,
  BeginEnrollmentResponse,
  ClaimBundleResponse,
  CreateInviteResponse,
  DeleteInviteResponse,
  InviteInfo,
  ListConversationsResponse,
  ListInvitesResponse,
  MessageOutcome,
  PutBundleResponse,
  PutConversationResponse,
  PutEnrollmentResponse,
  ReadCheckpointResponse,
  ReadDirectoryResponse,
  ReadMailboxResponse,
  ReceivedMessage,
  SendMessagesResponse,
  SentEnrollment,
  SentMessage,
  SessionRole,
} from '../../../../contract/sessions/wire.ts';
import { type Bytes, fromBase64 } from '../../../../core/encoding/bytes.ts';
import { createError } from '../../shared/errors.ts';
import {
  decodeBoolean,
  decodeCount,
  decodeListOf,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../../shared/json-decoders.ts';

const decodeRole = decodeOneOf<SessionRole>(['owner', 'agent', 'broker']);

/** Base64 as bytes. @throws AnimaError unexpected_response */
export function bytesOf(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw createError('unexpected_response', { detail: 'a field is not base64' });
  return bytes;
}

export const decodeAppended = decodeObject<AppendDirectoryResponse>({ seq: decodeCount });

export const decodeEntries = decodeObject<ReadDirectoryResponse>({
  entries: decodeListOf(decodeText),
  head: decodeCount,
  more: decodeBoolean,
});

export const decodeCheckpoint = decodeObject<ReadCheckpointResponse>({
  seq: decodeCount,
  checkpoint: decodeText,
  subtrees: decodeListOf(decodeText),
  leaves: decodeListOf(decodeText),
  parts: decodeCount,
});

export const decodeBegun = decodeObject<BeginEnrollmentResponse>({
  person: decodeText,
  role: decodeRole,
  challenge: decodeText,
  expiresAt: decodeText,
});

export const decodeEnrolled = decodeObject<PutEnrollmentResponse>({ expiresAt: decodeText });

export const decodePublished = decodeObject<PutBundleResponse>({
  seq: decodeCount,
  oneTimePrekeys: decodeCount,
  highestId: decodeCount,
});

export const decodeClaimed = decodeObject<ClaimBundleResponse>({
  bundle: decodeText,
  oneTimePrekey: optional(decodeText),
  certificate: optional(decodeText),
});

export const decodeStatement = decodeObject<PutConversationResponse>({
  conversation: decodeText,
  version: decodeCount,
});

export const decodeStatements = decodeObject<ListConversationsResponse>({
  statements: decodeListOf(decodeText),
  next: optional(decodeText),
});

export const decodeSent = decodeObject<SendMessagesResponse>({
  messages: decodeListOf(
    decodeObject<SentMessage>({
      to: decodeText,
      counter: decodeCount,
      outcome: decodeOneOf<MessageOutcome>(['stored', 'acknowledged', 'counter_used', 'not_allowed', 'mailbox_full']),
      highest: optional(decodeCount),
    }),
  ),
});

export const decodeMailbox = decodeObject<ReadMailboxResponse>({
  messages: decodeListOf(
    decodeObject<ReceivedMessage>({
      name: decodeText,
      conversation: optional(decodeText),
      message: decodeText,
      storedAt: decodeText,
      certificate: optional(decodeText),
    }),
  ),
  next: optional(decodeText),
});

export const decodeAcknowledged = decodeObject<AcknowledgeResponse>({ acknowledged: decodeCount });

export const decodeInviteCreated = decodeObject<CreateInviteResponse>({ invite: decodeText, expiresAt: decodeText });

export const decodeInvites = decodeObject<ListInvitesResponse>({
  invites: decodeListOf(
    decodeObject<InviteInfo>({
      invite: decodeText,
      person: decodeText,
      role: decodeRole,
      expiresAt: decodeText,
      challenge: decodeText,
      enrollment: optional(
        decodeObject<SentEnrollment>({ ik: decodeText, dh: decodeText, proof: decodeText, possession: decodeText }),
      ),
    }),
  ),
});

export const decodeInviteDeleted = decodeObject<DeleteInviteResponse>({ deleted: decodeBoolean });

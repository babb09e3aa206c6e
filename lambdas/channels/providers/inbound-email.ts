/**
 * Parses inbound email. The delivery IDs are derived from the DKIM signatures that prove the sender, so an email that
 * anyone sends again is the same delivery, also without some of its signatures. Only the canonical base64 encoding of a
 * signature is accepted.
 */
import { createHash } from 'node:crypto';
import type { InboundMedia, InboundMessage, Notice, WebhookContent } from '../channel-ports.ts';
import { isAutomaticEmail } from './automatic-email.ts';
import { toReplyTo, toSubjectLine } from './email-headers.ts';
import { textOfHtml, withoutQuotations } from './email-text.ts';
import type { FormFile } from './form-parser.ts';
import { describeMedia, mediaKindOf } from './message-parts.ts';
import {
  authenticateSender,
  claimedSender,
  hintableSender,
  type SenderClaims,
  type SenderTrustPolicy,
} from './sender-authentication.ts';

export interface InboundEmail extends SenderClaims {
  /** The complete text; empty if the email has none. */
  readonly text: string;
  readonly html: string;
  readonly subject: string;
  readonly files: readonly FormFile[];
  readonly token?: string | undefined;
}

export function parseInboundEmail(mail: InboundEmail, trust: SenderTrustPolicy): WebhookContent {
  const claimed = claimedSender(mail);
  if (claimed !== undefined && isAutomaticEmail(mail.headers, claimed, trust.address))
    return { kind: 'nothing', reason: 'automatic_message' };
  const sender = authenticateSender(mail, trust);
  if (sender === undefined) return { kind: 'nothing', reason: 'sender_unverified', notices: hintsFor(mail) };
  const { identity, proofs } = sender;
  const [deliveryId = '', ...furtherIds] = proofs
    .map((bytes) => createHash('sha256').update(identity).update('\0').update(bytes).digest('base64url'))
    .sort();
  const subject = toSubjectLine(mail.subject);
  const media = mail.files.map(toMedia);
  const message: InboundMessage = {
    deliveryId,
    ...(furtherIds.length > 0 ? { furtherIds } : {}),
    ...(mail.token === undefined ? {} : { token: mail.token }),
    identity,
    ...withoutQuotations(mail.text.trim() === '' ? textOfHtml(mail.html) : mail.text),
    ...(subject === '' ? {} : { subject }),
    ...(media.length > 0 ? { media } : {}),
    shared: false,
    replyTo: toReplyTo(mail.headers, mail.subject, identity),
  };
  return { kind: 'messages', messages: [message] };
}

function hintsFor(mail: InboundEmail): readonly Notice[] {
  const sender = hintableSender(mail);
  if (sender === undefined) return [];
  return [{ kind: 'sender-unverified', sender, replyTo: toReplyTo(mail.headers, mail.subject, sender) }];
}

const toMedia = ({ filename, type, bytes }: FormFile): InboundMedia => ({
  kind: mediaKindOf(type),
  ...describeMedia(filename, type),
  content: bytes.length === 0 ? { refusal: 'unavailable' } : { bytes },
});

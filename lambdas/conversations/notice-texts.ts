/** Texts that the vault sends about messages that it did not accept or answer. They are plain and name no internals. */
import type { NoticeKind } from '../channels/channel-ports.ts';

export const noticeTexts: Readonly<Record<NoticeKind, string>> = {
  'sender-unverified':
    'Your email was not accepted, because it could not be verified that it is from you. Write to this address directly (To or Cc), from a mail service that signs its email (DKIM).',
  'sender-unsupported':
    'Your message was not accepted, because this kind of account cannot be verified here. Write on another channel.',
  'message-unsupported':
    'Your message was not accepted, because this kind of message cannot be read here. Send text, a picture or a file.',
};

/** Sent once per hour to a sender who exceeds the limit of answers. */
export const tooManyMessagesText =
  'You have sent very many messages in the last hour. Further messages are stored, but not answered until the hour has passed.';

/** Sent when the last attempt to answer a message failed. */
export const unansweredText =
  'Your message was received, but could not be answered because of a fault. Send it again later.';

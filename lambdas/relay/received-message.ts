import type { ReceivedMessage } from '../../contract/sessions/wire.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import { messageName, type StoredMessage } from './mailbox-ports.ts';

/** A message as its recipient gets it, from the mailbox or in a frame. */
export const toReceivedMessage = (stored: StoredMessage): ReceivedMessage => {
  const { conversation, message, storedAt, certificate } = stored;
  return {
    name: messageName(stored),
    ...(conversation === undefined ? {} : { conversation }),
    message: encodeBase64Field(message),
    storedAt,
    ...(certificate && { certificate: encodeBase64Field(certificate) }),
  };
};

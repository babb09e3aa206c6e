/** The job that handles one message (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { type ChannelName, channelNames, type ReplyTo } from '../channels/channel-ports.ts';

/**
 * A message whose sender a provider authenticated. The job's ID is also the message ID and contains the time of
 * receipt.
 */
export interface MessageJobPayload {
  readonly kind: 'message';
  readonly channel: ChannelName;
  /** The sender's canonical identity (core/users/canonical-identity.ts). */
  readonly identity: string;
  /** The identity's locator. It is included so that the worker does not request it from KMS again. */
  readonly locator: string;
  /** At most limits.messageBytes bytes, plus the truncation mark if the text was truncated. */
  readonly text: string;
  /** Whether other people can read the message and the reply. */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isChannel = (value: unknown): value is ChannelName => channelNames.some((name) => name === value);

/** @throws DecryptionError if a field is malformed */
export function decodeMessageJob(job: Readonly<Record<string, unknown>>): MessageJobPayload {
  const { channel, identity, locator, text, shared, replyTo } = job;
  if (!isChannel(channel) || !isText(identity) || !isText(locator) || !isText(text)) throw new DecryptionError();
  if (typeof shared !== 'boolean') throw new DecryptionError();
  const to = Object.entries(requireObjectFields(replyTo)).map(([name, value]): [string, string] => {
    if (!isText(value)) throw new DecryptionError();
    return [name, value];
  });
  return { kind: 'message', channel, identity, locator, text, shared, replyTo: Object.fromEntries(to) };
}

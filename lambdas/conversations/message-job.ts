/** The job that handles one message (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { type ChannelName, channelNames, type ReplyTo } from '../channels/channel-ports.ts';

/** A message whose sender a provider vouched for. The job's id is the one under which it is stored, and tells when it came. */
export interface MessageJobPayload {
  readonly kind: 'message';
  readonly channel: ChannelName;
  /** Canonical (core/users/canonical-identity.ts), and its locator: so the worker need not ask KMS for it once more. */
  readonly identity: string;
  readonly locator: string;
  /** At most limits.messageBytes and a mark that it was cut. */
  readonly text: string;
  /** Whether others read along. */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isChannel = (value: unknown): value is ChannelName => channelNames.some((name) => name === value);

/** @throws DecryptionError for fields of another form */
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

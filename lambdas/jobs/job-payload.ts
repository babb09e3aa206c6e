/** What the worker is given to do (docs/format.md, section 13): the plaintext of jobs. */
import { DecryptionError } from '../../core/decryption-error.ts';
import { fieldsOf } from '../../core/keyring.ts';
import { slotKinds } from '../../core/slots.ts';
import { type ChannelName, channelNames, type ReplyTo } from '../channels/channel-ports.ts';
import type { Leading } from '../users/locator-release.ts';

/** A message whose sender a provider vouched for. The job's id is the one under which it is stored, and tells when it came. */
export interface MessageJob {
  readonly kind: 'message';
  readonly channel: ChannelName;
  /** Canonical (core/identities.ts), and its locator: so the worker need not ask KMS for it once more. */
  readonly identity: string;
  readonly locator: string;
  /** At most limits.messageBytes and a mark that it was cut. */
  readonly text: string;
  /** Whether others read along. */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

/** Deletes what a deleted user left. */
export interface EraseJob {
  readonly kind: 'erase';
  readonly user: string;
  /** What leads to it, and is to be let go; at most one for each slot. */
  readonly locators: readonly Leading[];
}

/** By kinds as core/jobs.ts has them. */
export type Job = MessageJob | EraseJob;

const isText = (value: unknown): value is string => typeof value === 'string';
const isChannel = (value: unknown): value is ChannelName => channelNames.some((name) => name === value);

/** @param plaintext its JSON, in UTF-8 @throws DecryptionError for what is no job */
export function decodeJob(plaintext: Buffer): Job {
  const job = fieldsOf(jsonOf(plaintext));
  if (job.kind === 'erase' && isText(job.user))
    return { kind: 'erase', user: job.user, locators: locatorsOf(job.locators) };
  const { kind, channel, identity, locator, text, shared, replyTo } = job;
  if (kind !== 'message' || !isChannel(channel) || !isText(identity) || !isText(locator) || !isText(text)) {
    throw new DecryptionError();
  }
  if (typeof shared !== 'boolean') throw new DecryptionError();
  const to = Object.entries(fieldsOf(replyTo)).map(([name, value]): [string, string] => {
    if (!isText(value)) throw new DecryptionError();
    return [name, value];
  });
  return { kind, channel, identity, locator, text, shared, replyTo: Object.fromEntries(to) };
}

function locatorsOf(list: unknown): Leading[] {
  if (!Array.isArray(list)) throw new DecryptionError();
  return list.map((one) => {
    const { kind: said, locator } = fieldsOf(one);
    const kind = slotKinds.find((name) => name === said);
    if (kind === undefined || !isText(locator)) throw new DecryptionError();
    return { kind, locator };
  });
}

function jsonOf(plaintext: Buffer): unknown {
  try {
    return JSON.parse(plaintext.toString('utf8'));
  } catch {
    // The parser's own message quotes the message.
    throw new DecryptionError();
  }
}

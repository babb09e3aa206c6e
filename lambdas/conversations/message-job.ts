/** The job that handles one message (docs/format.md, section 13). */
import { DecryptionError } from '../../core/decryption-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import {
  type CarrierKeyword,
  type ChannelName,
  carrierKeywords,
  channelNames,
  type MediaKind,
  type MediaRef,
  type MediaRefusal,
  mediaKinds,
  mediaRefusals,
  type NoticeKind,
  noticeKinds,
  type ReplyTo,
} from '../channels/channel-ports.ts';

/** A file of a message. */
export interface JobMedia {
  readonly kind: MediaKind;
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  /** Where the file is: at the provider, encrypted among the received files, or nowhere. */
  readonly content: { readonly ref: MediaRef } | ReceivedMedia | { readonly refusal: MediaRefusal };
}

/** A file that the webhook encrypted and stored. */
export interface ReceivedMedia {
  /** ID of the object. */
  readonly object: string;
  /** Its key, base64. */
  readonly key: string;
  /** Bytes of the file. */
  readonly bytes: number;
}

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
  readonly subject?: string | undefined;
  /** The complete text, with the same limit, if quotations were removed from `text`. */
  readonly original?: string | undefined;
  readonly media?: readonly JobMedia[] | undefined;
  readonly carrierKeyword?: CarrierKeyword | undefined;
  /** Set if the job only sends this hint. The sender might not be authenticated, and nothing is stored. */
  readonly notice?: NoticeKind | undefined;
  /** Whether other people can read the message and the reply. */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** @throws DecryptionError if a field is malformed */
export function decodeMessageJob(job: Readonly<Record<string, unknown>>): MessageJobPayload {
  const { channel, shared, replyTo, media, carrierKeyword, notice } = job;
  if (typeof shared !== 'boolean' || (media !== undefined && !Array.isArray(media))) throw new DecryptionError();
  return {
    kind: 'message',
    channel: requireOneOf(channelNames, channel),
    identity: requireText(job.identity),
    locator: requireText(job.locator),
    text: requireText(job.text),
    ...optionalTextField('subject', job.subject),
    ...optionalTextField('original', job.original),
    ...(media === undefined ? {} : { media: media.map(decodeMedia) }),
    ...(carrierKeyword === undefined ? {} : { carrierKeyword: requireOneOf(carrierKeywords, carrierKeyword) }),
    ...(notice === undefined ? {} : { notice: requireOneOf(noticeKinds, notice) }),
    shared,
    replyTo: requireTexts(replyTo),
  };
}

function decodeMedia(entry: unknown): JobMedia {
  const { kind, name, type, content } = requireObjectFields(entry);
  return {
    kind: requireOneOf(mediaKinds, kind),
    ...optionalTextField('name', name),
    ...optionalTextField('type', type),
    content: decodeMediaContent(requireObjectFields(content)),
  };
}

function decodeMediaContent({ ref, refusal, object, key, bytes }: Readonly<Record<string, unknown>>) {
  if (ref !== undefined) return { ref: requireTexts(ref) };
  if (refusal !== undefined) return { refusal: requireOneOf(mediaRefusals, refusal) };
  if (typeof bytes !== 'number') throw new DecryptionError();
  return { object: requireText(object), key: requireText(key), bytes };
}

function requireText(value: unknown): string {
  if (!isText(value)) throw new DecryptionError();
  return value;
}

function requireOneOf<const T extends string>(allowed: readonly T[], value: unknown): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new DecryptionError();
  return found;
}

const requireTexts = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(requireObjectFields(value)).map(([name, text]): [string, string] => [name, requireText(text)]),
  );

const optionalTextField = <const N extends string>(name: N, value: unknown): { readonly [K in N]?: string } =>
  (value === undefined ? {} : { [name]: requireText(value) }) as { readonly [K in N]?: string };

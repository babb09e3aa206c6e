/**
 * Parses events of Slack's Events API (docs.slack.dev/apis/events-api): direct messages to the app (`message` with
 * `channel_type` `im`) and mentions of the app (`app_mention`).
 *
 * - Messages of bots, including this app, are ignored. Members of other workspaces (Slack Connect) are not accepted,
 *   because this workspace does not authenticate them.
 * - Of the subtypes of a message, those that a person writes are accepted: files, `/me`, and answers that are also sent
 *   to the channel. The others are events (joins, edits, deletions).
 * - A message is identified by its channel and time, not by the event: an edited mention, and a mention that is edited
 *   into a message, cause new events for the same message.
 */
import * as z from 'zod/mini';
import { limits } from '../../../contract/shared/limits.ts';
import { canonicalSlack } from '../../../core/users/canonical-identity.ts';
import type { InboundMedia, WebhookContent } from '../channel-ports.ts';
import { describeMedia, joinLines, mediaKindOf } from './message-parts.ts';
import { toDeliveryId } from './signature-helpers.ts';

/** The only host of files that a bot token can read. */
export const slackFilesOrigin = 'https://files.slack.com';

const optionalText = () => z.optional(z.string());
const fileSchema = z.object({
  name: optionalText(),
  title: optionalText(),
  mimetype: optionalText(),
  size: z.optional(z.number()),
  mode: optionalText(),
  is_external: z.optional(z.boolean()),
  file_access: optionalText(),
  url_private: optionalText(),
  url_private_download: optionalText(),
});
const attachmentSchema = z.object({
  pretext: optionalText(),
  title: optionalText(),
  text: optionalText(),
  fallback: optionalText(),
  files: z.optional(z.array(z.unknown())),
});
const eventSchema = z.object({
  type: z.enum(['message', 'app_mention']),
  channel_type: optionalText(),
  channel: z.string().check(z.regex(/^[A-Z0-9]{2,32}$/)),
  user: optionalText(),
  text: optionalText(),
  ts: z.string().check(z.regex(/^[0-9]{1,16}(?:\.[0-9]{1,16})?$/)),
  /** Workspace of the author, if Slack reports it. */
  team: optionalText(),
  user_team: optionalText(),
  thread_ts: z.optional(z.string().check(z.regex(/^[0-9.]{1,32}$/))),
  subtype: optionalText(),
  bot_id: z.optional(z.unknown()),
  app_id: z.optional(z.unknown()),
  bot_profile: z.optional(z.unknown()),
  hidden: z.optional(z.unknown()),
  edited: z.optional(z.unknown()),
  files: z.optional(z.array(z.unknown())),
  blocks: z.optional(z.array(z.unknown())),
  attachments: z.optional(z.array(z.unknown())),
});
type SlackEvent = z.output<typeof eventSchema>;
const callbackSchema = z.object({
  type: z.literal('event_callback'),
  team_id: z.string(),
  api_app_id: z.string(),
  event_id: z.string().check(z.minLength(1)),
  event: z.looseObject({ type: z.string(), subtype: z.optional(z.unknown()) }),
});

/** Subtypes of messages that a person writes. */
const writtenSubtypes: ReadonlySet<string> = new Set(['file_share', 'me_message', 'thread_broadcast']);

/** Slack escapes only these three characters (docs.slack.dev/messaging/formatting-message-text, "Escaping text"). */
const unescapeSlackText = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** Removes the mention of the app that a message begins with. It is not part of the message. */
const withoutMention = (text: string): string => text.replace(/^\s*<@[A-Z0-9]+(?:\|[^>]*)?>\s*/, '');

/**
 * @param isOwnApp whether events of this app ID are accepted
 * @param oldest the IDs of deliveries before this time are no longer stored
 * @returns undefined if the event is not from this app
 */
export function parseSlackEvent(
  json: unknown,
  isOwnApp: (appId: string) => boolean,
  oldest: Date,
): WebhookContent | undefined {
  const callback = callbackSchema.safeParse(json).data;
  if (callback === undefined) return { kind: 'nothing' };
  if (!isOwnApp(callback.api_app_id)) return undefined;
  const { data: event } = eventSchema.safeParse(callback.event);
  const { subtype } = callback.event;
  if (subtype === 'message_changed') return { kind: 'nothing', reason: 'edited_message' };
  const isMessage = event !== undefined && (event.type === 'app_mention' || event.channel_type === 'im');
  // A message of another form than the documented one is not lost without a reason.
  if (event === undefined && isWritten(callback.event)) return { kind: 'nothing', reason: 'message_unsupported' };
  if (!isMessage || isFromBot(event)) return { kind: 'nothing' };
  if (event.hidden !== undefined || (subtype !== undefined && !writtenSubtypes.has(String(subtype))))
    return { kind: 'nothing', ...(event.text ? { reason: 'message_unsupported' } : {}) };
  return parseMessage(event, callback.team_id, oldest);
}

const isWritten = ({ type, channel_type, user, subtype }: Readonly<Record<string, unknown>>): boolean =>
  (type === 'app_mention' || (type === 'message' && channel_type === 'im')) &&
  user !== undefined &&
  (subtype === undefined || writtenSubtypes.has(String(subtype)));

const isFromBot = ({ bot_id, app_id, bot_profile, user }: SlackEvent): boolean =>
  bot_id !== undefined || app_id !== undefined || bot_profile !== undefined || user === undefined;

function parseMessage(event: SlackEvent, team: string, oldest: Date): WebhookContent {
  const shared = event.type === 'app_mention';
  const identity = canonicalSlack(team, event.user ?? '');
  const thread = event.thread_ts === undefined ? {} : { thread: event.thread_ts };
  const replyTo = { channel: event.channel, ...thread };
  if ((event.team ?? team) !== team || (event.user_team ?? team) !== team) {
    const sender = `${event.user_team ?? event.team}/${event.user}`;
    return {
      kind: 'nothing',
      reason: 'sender_unsupported',
      notices: [{ kind: 'sender-unsupported', sender, replyTo }],
    };
  }
  if (identity === undefined) return { kind: 'nothing', reason: 'sender_unsupported' };
  // The ID of the delivery is no longer stored, so it is unknown whether the message was handled before it was edited.
  if (event.edited !== undefined && Number(event.ts) * 1000 < oldest.getTime())
    return { kind: 'nothing', reason: 'edited_message' };
  const written = event.text || textOfBlocks(event.blocks);
  const text = joinLines(unescapeSlackText(shared ? withoutMention(written) : written), ...quotedTexts(event));
  const forwarded = (event.attachments ?? []).flatMap((item) => attachmentSchema.safeParse(item).data?.files ?? []);
  const media = [...(event.files ?? []), ...forwarded].map(toMedia);
  return {
    kind: 'messages',
    messages: [
      {
        deliveryId: toDeliveryId(`${event.channel}/${event.ts}`),
        identity,
        text,
        ...(media.length > 0 ? { media } : {}),
        shared,
        replyTo,
      },
    ],
  };
}

/** Texts of messages that the person forwarded. */
const quotedTexts = ({ attachments = [] }: SlackEvent): readonly string[] =>
  attachments.map((item) => {
    const { pretext, title, text, fallback } = attachmentSchema.safeParse(item).data ?? {};
    const quoted = joinLines(pretext, title, text || fallback);
    return quoted === '' ? '' : `[forwarded: ${unescapeSlackText(quoted)}]`;
  });

/** A person, channel, group or day that a message names, as Slack writes it in texts. */
function textOfNamedElement(type: string, element: Readonly<Record<string, unknown>>): string | undefined {
  const { user_id, channel_id, usergroup_id, range, fallback, value } = element;
  const named = {
    user: user_id,
    channel: channel_id,
    usergroup: usergroup_id,
    broadcast: range,
    date: fallback,
    color: value,
  };
  const written = Object.entries(named).find(([name]) => name === type)?.[1];
  if (typeof written !== 'string') return undefined;
  const signs: Readonly<Record<string, string>> = { user: '@', channel: '#', usergroup: '!subteam^', broadcast: '!' };
  const sign = signs[type];
  return sign === undefined ? written : `<${sign}${written}>`;
}

/** Maximum nesting of blocks that is read. Slack's rich text has five levels. */
const maxBlockDepth = 10;

/** The text of a message that has only blocks (docs.slack.dev/reference/block-kit/blocks/rich-text-block). */
function textOfBlocks(value: unknown, depth = 0): string {
  if (depth > maxBlockDepth || typeof value !== 'object' || value === null) return '';
  if (Array.isArray(value)) return value.map((item) => textOfBlocks(item, depth + 1)).join('');
  const { type, text, elements, url, name, ...rest }: Readonly<Record<string, unknown>> = { ...value };
  const own = [typeof text === 'string' ? text : textOfBlocks(text, depth + 1)];
  if (own[0] === '' && typeof url === 'string') own.push(url);
  if (type === 'emoji' && typeof name === 'string') own.push(`:${name}:`);
  const named = textOfNamedElement(String(type), rest);
  if (named !== undefined) own.push(named);
  const inner = textOfBlocks(elements, depth + 1);
  const isBlock = typeof type === 'string' && /^rich_text_|^section$|^header$/.test(type);
  return `${own.join('')}${inner}${isBlock ? '\n' : ''}`;
}

function toMedia(item: unknown): InboundMedia {
  const file = fileSchema.safeParse(item).data;
  if (file === undefined) return { kind: 'file', content: { refusal: 'unavailable' } };
  const { name, title, mimetype, size = 0, mode, is_external, file_access, url_private_download, url_private } = file;
  const description = { kind: mediaKindOf(mimetype), ...describeMedia(name ?? title, mimetype) };
  if (is_external === true || mode === 'external') return { ...description, content: { refusal: 'elsewhere' } };
  if (file_access === 'check_file_info' || mode === 'tombstone' || mode === 'hidden_by_limit')
    return { ...description, content: { refusal: 'unavailable' } };
  if (size > limits.mediaBytes) return { ...description, content: { refusal: 'too-large' } };
  const path = pathOfFile(url_private_download ?? url_private ?? '');
  return { ...description, content: path === undefined ? { refusal: 'elsewhere' } : { ref: { path } } };
}

/** The path of a file on Slack's host. Returns undefined for any other address. */
function pathOfFile(address: string): string | undefined {
  const url = URL.parse(address);
  if (url?.origin !== slackFilesOrigin || !url.pathname.startsWith('/files-') || url.username !== '') return undefined;
  return url.pathname.length <= 1_000 ? url.pathname : undefined;
}

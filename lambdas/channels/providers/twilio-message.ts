/**
 * Parses the parameters of Twilio's messages: SMS, MMS, WhatsApp and RCS
 * (twilio.com/docs/messaging/guides/webhook-request, twilio.com/docs/whatsapp/api).
 */
import { canonicalPhone, canonicalWhatsAppUser } from '../../../core/users/canonical-identity.ts';
import type {
  CarrierKeyword,
  InboundMedia,
  InboundMessage,
  MediaRef,
  Notice,
  ReplyTo,
  WebhookContent,
} from '../channel-ports.ts';
import { type FormFields, singleField } from './form-parser.ts';
import { describeLocation, describeMedia, joinLines, mediaKindOf } from './message-parts.ts';

/** Maximum number of files that are read from the parameters. Twilio sends at most ten. */
const maxMedia = 20;
const messageSidPattern = /^(?:SM|MM)[0-9a-f]{32}$/;
/** A number, a short code, a WhatsApp number, or an RCS agent. */
const recipientPattern = /^(?:\+[1-9][0-9]{6,14}|[1-9][0-9]{2,7}|whatsapp:\+[1-9][0-9]{6,14}|rcs:[A-Za-z0-9_-]{1,64})$/;

/**
 * The identity that the sender proves. An RCS sender is a telephone number like the sender of an SMS. Twilio names
 * people on WhatsApp by their number or by the ID that Meta gives them.
 */
function identityOf(from: string): string | undefined {
  const [, scheme, address = ''] = /^(whatsapp|rcs):(.*)$/s.exec(from) ?? [];
  if (scheme === 'rcs') return canonicalPhone('tel', address);
  if (scheme === 'whatsapp')
    return address.startsWith('+') ? canonicalPhone('whatsapp', address) : canonicalWhatsAppUser(address);
  return canonicalPhone('tel', from);
}

/**
 * Keywords that Twilio answers, if they are the whole text (help.twilio.com, "Twilio support for opt-out keywords").
 * The list lacks YES, which Twilio treats as START only for people who opted out: others answer a question with it.
 */
const keywords: ReadonlyMap<string, CarrierKeyword> = new Map([
  ...['stop', 'stopall', 'unsubscribe', 'cancel', 'end', 'quit', 'revoke', 'optout'].map(
    (word) => [word, 'stop'] as const,
  ),
  ...['start', 'unstop'].map((word) => [word, 'start'] as const),
  ...['help', 'info'].map((word) => [word, 'help'] as const),
]);

/** WhatsApp has no such rules. Advanced Opt-Out reports the keyword, also of other languages, in OptOutType. */
function carrierKeywordOf(form: FormFields, identity: string, text: string): CarrierKeyword | undefined {
  if (!identity.startsWith('tel:')) return undefined;
  const reported = keywords.get((singleField(form, 'OptOutType') ?? '').toLowerCase());
  return reported ?? keywords.get(text.trim().toLowerCase());
}

function mediaOf(form: FormFields, accountSid: string): readonly InboundMedia[] {
  const count = Math.min(Number(singleField(form, 'NumMedia') ?? 0) || 0, maxMedia);
  return Array.from({ length: Math.max(count, 0) }, (_, at) => {
    const type = singleField(form, `MediaContentType${at}`);
    const ref = mediaRefOf(singleField(form, `MediaUrl${at}`) ?? '', accountSid);
    return {
      kind: mediaKindOf(type),
      ...describeMedia(undefined, type),
      content: ref === undefined ? { refusal: 'elsewhere' } : { ref },
    };
  });
}

/** Only the IDs are taken from the URL, so that the credentials can be sent to no other address. */
function mediaRefOf(url: string, accountSid: string): MediaRef | undefined {
  const pattern =
    /^https:\/\/api\.twilio\.com\/2010-04-01\/Accounts\/(AC[0-9a-f]{32})\/Messages\/([SM]M[0-9a-f]{32})\/Media\/(ME[0-9a-f]{32})$/;
  const [, account, message = '', media = ''] = pattern.exec(url) ?? [];
  return account === accountSid ? { message, media } : undefined;
}

export const mediaPathOf = ({ message, media }: MediaRef, accountSid: string): string =>
  `/2010-04-01/Accounts/${accountSid}/Messages/${message}/Media/${media}`;

/** Text of all parts. A pressed button or a chosen list entry is text too. */
function textOf(form: FormFields): string {
  const field = (name: string): string | undefined => singleField(form, name);
  const location = describeLocation({
    latitude: field('Latitude'),
    longitude: field('Longitude'),
    name: field('Label'),
    address: field('Address'),
  });
  const body = field('Body') || field('ButtonText') || field('ListTitle');
  return joinLines(body, location, field('InteractiveData') || field('FlowData'));
}

/** The account, and the number that sends replies. */
interface TwilioLine {
  readonly accountSid: string;
  readonly from?: string | undefined;
}

/** Returns a message, or why there is none. */
export function parseTwilioMessage(form: FormFields, line: TwilioLine): WebhookContent {
  const isStatusReport = form.has('MessageStatus') || (singleField(form, 'SmsStatus') ?? 'received') !== 'received';
  const id = singleField(form, 'MessageSid') ?? '';
  const [from, to] = [singleField(form, 'From') ?? '', singleField(form, 'To') ?? ''];
  if (isStatusReport || !messageSidPattern.test(id)) return { kind: 'nothing' };
  if (!recipientPattern.test(to) || !form.has('Body')) return { kind: 'nothing', reason: 'message_unsupported' };
  if (from === to || from === line.from) return { kind: 'nothing', reason: 'automatic_message' };
  const replyTo = { to: from, from: to };
  const identity = identityOf(from);
  if (identity === undefined) return refuseSender(from, replyTo);
  const text = textOf(form);
  const media = mediaOf(form, line.accountSid);
  const carrierKeyword = carrierKeywordOf(form, identity, text);
  const message: InboundMessage = {
    deliveryId: id,
    identity,
    text,
    shared: false,
    replyTo,
    ...(media.length > 0 ? { media } : {}),
    ...(carrierKeyword === undefined ? {} : { carrierKeyword }),
  };
  return { kind: 'messages', messages: [message] };
}

/** Senders on Messenger and similar. Names and short codes get no hint, because only machines send from them. */
function refuseSender(from: string, replyTo: ReplyTo): WebhookContent {
  const notices: Notice[] = /^[a-z]+:[^\s]{1,200}$/.test(from)
    ? [{ kind: 'sender-unsupported', sender: from, replyTo }]
    : [];
  return { kind: 'nothing', reason: 'sender_unsupported', notices };
}

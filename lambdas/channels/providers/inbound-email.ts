/**
 * Mail, and when its From is believed.
 *
 * Anyone can write any From. It counts only when the provider reports that the mail's DKIM signature (RFC 6376) holds, and that signature
 * - is the only one of the mail, so that the report can be about no other;
 * - is by the From's own domain or a domain above it. RFC 7489 section 3.1.1 would take domains below and beside it too, which share an
 *   organizational domain; telling that needs a list of public suffixes which is never up to date, and would let every host of a domain
 *   speak for every address. Who holds a domain above can publish keys for those below anyway;
 * - covers From and To, and the whole body (no `l=`), so that a signed mail can't be turned into another one;
 * and when the mail is addressed to the line's own address, so that what was written to someone else can't be sent on to us. Some large
 * senders leave To unsigned (Microsoft among them): a line may take their mail too (`unsignedTo`), and then a mail that its sender wrote to
 * anyone at all can be sent on to us by whoever received it.
 *
 * The same signature is the mail's name: sent again by anyone, it is the same delivery. Bytes of base64 have one spelling here.
 */
import { createHash } from 'node:crypto';
import type { InboundMessage, ReplyTo, WebhookContent } from '../channel-ports.ts';
import { includesAddress, parseSingleAddress } from './email-address-parser.ts';

/** Headers in the order of the mail; names in lower case. */
export type EmailHeaders = readonly (readonly [name: string, value: string])[];

export interface InboundEmail {
  readonly headers: EmailHeaders;
  /**
   * From and To as the provider tells them beside the headers. Both must say the same: where headers come as lines with their encoded words
   * decoded (RFC 2047), a sender's name can hold a line feed and be the end of one line and the beginning of another.
   */
  readonly from: string | undefined;
  readonly to?: string | undefined;
  /** Whether the provider says that the signature by this domain holds. */
  readonly dkimPassed: (domain: string) => boolean;
  readonly text: string;
  readonly subject: string;
  readonly token?: string | undefined;
}

export interface SenderTrustPolicy {
  /** Canonical identity of the address that mail is to be sent to. */
  readonly address: string;
  /** Whether To may be unsigned. */
  readonly unsignedTo: boolean;
}

const domainNamePattern =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Far above what any key makes; parsing stays cheap. */
const maxSignatureLength = 8_192;
const headerNamePattern = /^[!-9;-~]+$/;

/** Headers from pairs of name and value; undefined when a name could be read as another. */
export function toEmailHeaders(pairs: readonly (readonly [string, string])[]): EmailHeaders | undefined {
  return pairs.every(([name]) => headerNamePattern.test(name))
    ? pairs.map(([name, value]): [string, string] => [name.toLowerCase(), value])
    : undefined;
}

/** All values of a header. */
export const headerValues = (headers: EmailHeaders, name: string): readonly string[] =>
  headers.filter(([key]) => key === name).map(([, value]) => value);

/** The value of a header that is there once. */
function singleHeader(headers: EmailHeaders, name: string): string | undefined {
  const values = headerValues(headers, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Whether a signature by one domain speaks for addresses of another: the same, or one below. Both in lower case. */
export const isAlignedDomain = (signer: string, domain: string): boolean =>
  domain === signer || domain.endsWith(`.${signer}`);

interface DkimSignature {
  readonly domain: string;
  /** Names of the signed headers, in lower case. */
  readonly signedHeaders: readonly string[];
  readonly bytes: Uint8Array;
}

/** The tags of a DKIM-Signature (RFC 6376 section 3.2); undefined when one is there twice or the form is another. */
function parseDkimTags(value: string): ReadonlyMap<string, string> | undefined {
  if (value.length > maxSignatureLength) return undefined;
  const tags = new Map<string, string>();
  const list = value.trim();
  for (const part of (list.endsWith(';') ? list.slice(0, -1) : list).split(';')) {
    const [name = '', ...rest] = part.split('=');
    const tag = name.trim();
    if (rest.length === 0 || !/^[A-Za-z][A-Za-z0-9_]*$/.test(tag) || tags.has(tag)) return undefined;
    tags.set(tag, rest.join('=').replace(/\s+/g, ''));
  }
  return tags;
}

/** A DKIM-Signature that covers the whole of the body and has every tag that it must have. */
function parseDkimSignature(value: string): DkimSignature | undefined {
  const tags = parseDkimTags(value);
  if (tags === undefined || tags.has('l') || tags.get('v') !== '1') return undefined;
  if (!/^(?:rsa|ed25519)-sha256$/.test(tags.get('a') ?? '') || !tags.get('s') || !tags.get('bh')) return undefined;
  const domain = tags.get('d')?.toLowerCase() ?? '';
  const base64 = tags.get('b') ?? '';
  const bytes = Buffer.from(base64, 'base64');
  if (!domainNamePattern.test(domain) || bytes.length < 64 || bytes.toString('base64') !== base64) return undefined;
  return { domain, signedHeaders: (tags.get('h') ?? '').toLowerCase().split(':'), bytes };
}

/** What proves a mail to be of the sender that it names; undefined when nothing does. */
function verifySender(mail: InboundEmail, { address, unsignedTo }: SenderTrustPolicy) {
  const { headers, dkimPassed } = mail;
  const [from, to, header] = [
    singleHeader(headers, 'from'),
    singleHeader(headers, 'to'),
    singleHeader(headers, 'dkim-signature'),
  ];
  if (from === undefined || to === undefined || header === undefined) return undefined;
  const identity = parseSingleAddress(from);
  const signature = parseDkimSignature(header);
  if (identity === undefined || signature === undefined || parseSingleAddress(mail.from ?? '') !== identity)
    return undefined;
  if (!includesAddress(to, address) || !includesAddress(mail.to ?? to, address)) return undefined;
  const covered = signature.signedHeaders.includes('from') && (unsignedTo || signature.signedHeaders.includes('to'));
  const aligned = isAlignedDomain(signature.domain, identity.slice(identity.lastIndexOf('@') + 1));
  return covered && aligned && dkimPassed(signature.domain) ? { identity, signature } : undefined;
}

/** Whether a machine sent a mail by itself (RFC 3834 section 5, and the older Precedence): answering could go on for ever. */
const isAutoGenerated = (headers: EmailHeaders): boolean =>
  headerValues(headers, 'auto-submitted').some((value) => !/^\s*no\s*(?:;|$)/i.test(value)) ||
  headerValues(headers, 'precedence').some((value) => /^\s*(?:bulk|junk|list|auto_reply)\s*$/i.test(value));

/** Reads a mail of a verified request. Attachments and HTML are ignored. */
export function parseInboundEmail(mail: InboundEmail, trust: SenderTrustPolicy): WebhookContent {
  const sender = verifySender(mail, trust);
  if (sender === undefined) return { kind: 'refused', reason: 'sender_unverified' };
  if (isAutoGenerated(mail.headers)) return { kind: 'nothing' };
  const { identity, signature } = sender;
  const name = createHash('sha256').update(identity).update('\0').update(signature.bytes).digest('base64url');
  const message: InboundMessage = {
    deliveryId: name,
    ...(mail.token === undefined ? {} : { token: mail.token }),
    identity,
    text: mail.text.trim(),
    shared: false,
    replyTo: toReplyTo(mail, identity),
  };
  return { kind: 'messages', messages: [message] };
}

/** To the proven sender alone: Reply-To may be anyone's. */
function toReplyTo({ headers, subject }: InboundEmail, identity: string): ReplyTo {
  const id = singleHeader(headers, 'message-id')?.trim() ?? '';
  const line = subject
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed();
  return {
    to: identity.slice('mailto:'.length),
    subject: /^re:/i.test(line) ? line : `Re: ${line}`.trim(),
    ...(/^<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>$/.test(id) ? { messageId: id } : {}),
  };
}

/** Headers of a reply: in the conversation, and known as sent by a machine. */
export const replyHeaders = ({ messageId }: ReplyTo): Record<string, string> => ({
  'Auto-Submitted': 'auto-replied',
  ...(messageId === undefined ? {} : { 'In-Reply-To': messageId, References: messageId }),
});

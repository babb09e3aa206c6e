/**
 * Parses inbound email and decides whether to trust its From header.
 *
 * Anyone can write any From header. It is trusted only if the provider reports a valid DKIM signature (RFC 6376) and
 * the signature meets these conditions:
 * - It is the only signature of the email, so the provider's report cannot refer to another one.
 * - Its domain is the domain of the From address or a parent of it. RFC 7489 section 3.1.1 also allows subdomains and
 *   sibling domains that share an organizational domain. That check needs a public suffix list, which is never up to
 *   date. It would also let every host of a domain sign for every address. The owner of a parent domain can publish
 *   keys for its subdomains anyway.
 * - It covers From, To and the whole body (no `l=`), so a signed email cannot be altered.
 *
 * The email must also be addressed to the channel's address, so email for another recipient cannot be forwarded to the
 * vault. Some large senders, such as Microsoft, do not sign To. The option `unsignedTo` accepts their email. With it,
 * any recipient of a signed email can forward it to the vault, no matter to whom the sender addressed it.
 *
 * The delivery ID is derived from the DKIM signature, so an email that anyone sends again is the same delivery. Only
 * the canonical base64 encoding of the signature is accepted.
 */
import { createHash } from 'node:crypto';
import { toAsciiLowerCase } from '../../../core/encoding/ascii-case.ts';
import type { InboundMessage, ReplyTo, WebhookContent } from '../channel-ports.ts';
import { includesAddress, parseSingleAddress } from './email-address-parser.ts';

/** Headers in the order of the email. Names are in lower case. */
export type EmailHeaders = readonly (readonly [name: string, value: string])[];

export interface InboundEmail {
  readonly headers: EmailHeaders;
  /**
   * From and To as the provider reports them separately from the headers. From must be the same address in both places,
   * and To must include the channel's address in both. Some providers send the headers as lines with decoded encoded
   * words (RFC 2047). A sender name can then contain a line feed and inject another header line.
   */
  readonly from: string | undefined;
  readonly to?: string | undefined;
  /** Whether the provider reports that the signature of this domain is valid. */
  readonly dkimPassed: (domain: string) => boolean;
  readonly text: string;
  readonly subject: string;
  readonly token?: string | undefined;
}

export interface SenderTrustPolicy {
  /** Canonical identity of the channel's email address. */
  readonly address: string;
  /** Whether to accept a signature that does not cover To. */
  readonly unsignedTo: boolean;
}

const domainNamePattern =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Characters; far above the size for any real key. Bounds the cost of parsing. */
const maxSignatureLength = 8_192;
const headerNamePattern = /^[!-9;-~]+$/;

/**
 * Creates headers from name-value pairs. Returns undefined if a name has an invalid character, which makes it
 * ambiguous.
 */
export function toEmailHeaders(pairs: readonly (readonly [string, string])[]): EmailHeaders | undefined {
  return pairs.every(([name]) => headerNamePattern.test(name))
    ? pairs.map(([name, value]): [string, string] => [name.toLowerCase(), value])
    : undefined;
}

export const headerValues = (headers: EmailHeaders, name: string): readonly string[] =>
  headers.filter(([key]) => key === name).map(([, value]) => value);

/** Returns the value of a header, or undefined unless the header occurs exactly once. */
function singleHeader(headers: EmailHeaders, name: string): string | undefined {
  const values = headerValues(headers, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Whether a signer's domain is the given domain or a parent of it. Both must be in lower case. */
export const isAlignedDomain = (signer: string, domain: string): boolean =>
  domain === signer || domain.endsWith(`.${signer}`);

interface DkimSignature {
  readonly domain: string;
  /** Names of the signed headers, in lower case. */
  readonly signedHeaders: readonly string[];
  readonly bytes: Uint8Array;
}

/** Folding white space (RFC 6376 section 2.8). `\s` and `trim` also remove U+00A0 and its kin. */
const foldingSpace = /[ \t\r\n]+/g;

/** Parses the tags of a DKIM-Signature (RFC 6376 section 3.2). Returns undefined if a tag is repeated or malformed. */
function parseDkimTags(value: string): ReadonlyMap<string, string> | undefined {
  if (value.length > maxSignatureLength) return undefined;
  const tags = new Map<string, string>();
  const list = value.trim();
  for (const part of (list.endsWith(';') ? list.slice(0, -1) : list).split(';')) {
    const [name = '', ...rest] = part.split('=');
    const tag = name.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
    if (rest.length === 0 || !/^[A-Za-z][A-Za-z0-9_]*$/.test(tag) || tags.has(tag)) return undefined;
    tags.set(tag, rest.join('=').replace(foldingSpace, ''));
  }
  return tags;
}

/** Parses a DKIM-Signature. Returns undefined unless it covers the whole body and has the required tags. */
function parseDkimSignature(value: string): DkimSignature | undefined {
  const tags = parseDkimTags(value);
  if (tags === undefined || tags.has('l') || tags.get('v') !== '1') return undefined;
  if (!/^(?:rsa|ed25519)-sha256$/.test(tags.get('a') ?? '') || !tags.get('s') || !tags.get('bh')) return undefined;
  const domain = toAsciiLowerCase(tags.get('d') ?? '');
  const base64 = tags.get('b') ?? '';
  const bytes = Buffer.from(base64, 'base64');
  if (!domainNamePattern.test(domain) || bytes.length < 64 || bytes.toString('base64') !== base64) return undefined;
  return { domain, signedHeaders: toAsciiLowerCase(tags.get('h') ?? '').split(':'), bytes };
}

/**
 * Returns the authenticated sender and the signature that proves it. Returns undefined if the sender is not
 * authenticated.
 */
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

/**
 * Whether an email was sent automatically (RFC 3834 section 5, and the older Precedence). A reply could cause a mail
 * loop.
 */
const isAutoGenerated = (headers: EmailHeaders): boolean =>
  headerValues(headers, 'auto-submitted').some((value) => !/^\s*no\s*(?:;|$)/i.test(value)) ||
  headerValues(headers, 'precedence').some((value) => /^\s*(?:bulk|junk|list|auto_reply)\s*$/i.test(value));

/** Parses an email of a verified request. Attachments and HTML are ignored. */
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

/** Replies only to the authenticated sender. Reply-To is ignored because it can contain any address. */
function toReplyTo({ headers, subject }: InboundEmail, identity: string): ReplyTo {
  const id = singleHeader(headers, 'message-id')?.trim() ?? '';
  const subjectLine = subject
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed();
  return {
    to: identity.slice('mailto:'.length),
    subject: /^re:/i.test(subjectLine) ? subjectLine : `Re: ${subjectLine}`.trim(),
    ...(/^<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>$/.test(id) ? { messageId: id } : {}),
  };
}

/** Headers that keep a reply in its email thread and mark it as sent automatically. */
export const replyHeaders = ({ messageId }: ReplyTo): Record<string, string> => ({
  'Auto-Submitted': 'auto-replied',
  ...(messageId === undefined ? {} : { 'In-Reply-To': messageId, References: messageId }),
});

/** Headers of an email, and the headers of replies. */
import type { ReplyTo } from '../channel-ports.ts';

/** Headers in the order of the email. Names are in lower case. */
export type EmailHeaders = readonly (readonly [name: string, value: string])[];

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
export function singleHeader(headers: EmailHeaders, name: string): string | undefined {
  const values = headerValues(headers, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Replies only to the authenticated sender. Reply-To is ignored because it can contain any address. */
export function toReplyTo(headers: EmailHeaders, subject: string, identity: string): ReplyTo {
  const id = singleHeader(headers, 'message-id')?.trim() ?? '';
  const line = toSubjectLine(subject);
  return {
    to: identity.slice('mailto:'.length),
    subject: /^re:/i.test(line) ? line : `Re: ${line}`.trim(),
    ...(/^<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>$/.test(id) ? { messageId: id } : {}),
  };
}

/** A subject in one line of at most 200 characters. */
export const toSubjectLine = (subject: string): string =>
  subject
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed();

/** Headers that keep a reply in its email thread and mark it as sent automatically. */
export const replyHeaders = ({ messageId }: ReplyTo): Record<string, string> => ({
  'Auto-Submitted': 'auto-replied',
  'X-Auto-Response-Suppress': 'All',
  ...(messageId === undefined ? {} : { 'In-Reply-To': messageId, References: messageId }),
});

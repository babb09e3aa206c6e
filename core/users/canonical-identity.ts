/**
 * Identities in their one spelling (docs/format.md, section 12): what a channel calls its sender becomes a text that two channels of
 * one kind spell alike, or nothing. Only keyed hashes of it are ever stored.
 */

const phoneDigitsPattern = /^[1-9][0-9]{6,14}$/;
/** A dot-atom (RFC 5322 section 3.2.3); quoted local parts are refused, since mailboxes differ in how they read them. */
const emailLocalPartPattern = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const domainLabelPattern = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const domainNamePattern = new RegExp(`^(?=.{1,253}$)${domainLabelPattern}(?:\\.${domainLabelPattern})+$`);
const slackIdPattern = /^[A-Z0-9]{2,32}$/;
const loginPattern = /^[a-z0-9][a-z0-9._%+@-]{2,127}$/;

/** `tel:+447700900123`, from E.164 (ITU-T, 7 to 15 digits after the plus); for `whatsapp` the plus may be left away. */
export function canonicalPhone(scheme: 'tel' | 'whatsapp', text: string): string | undefined {
  const digits = text.startsWith('+') ? text.slice(1) : scheme === 'whatsapp' ? text : '';
  return phoneDigitsPattern.test(digits) ? `${scheme}:+${digits}` : undefined;
}

/**
 * `mailto:ada@example.com`, from a bare address: ASCII, in lower case as mailboxes treat it, without name, comment or quotes. Domains of
 * other scripts stand as A-labels (RFC 5890).
 */
export function canonicalEmail(address: string): string | undefined {
  const text = toAsciiLowerCase(address);
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (at < 1 || local.length > 64 || text.length > 254) return undefined;
  return emailLocalPartPattern.test(local) && domainNamePattern.test(domain) ? `mailto:${text}` : undefined;
}

/** `slack:T0123/U0456`: workspace and member. */
export const canonicalSlack = (team: string, user: string): string | undefined =>
  slackIdPattern.test(team) && slackIdPattern.test(user) ? `slack:${team}/${user}` : undefined;

/** `login:ada`: the name of a password login, in lower case. */
export function canonicalLogin(name: string): string | undefined {
  const text = toAsciiLowerCase(name);
  return loginPattern.test(text) ? `login:${text}` : undefined;
}

/** ASCII alone: other letters change by locale and version of Unicode, and are refused by the patterns. */
const toAsciiLowerCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * Identities in canonical spelling (docs/format.md, section 12). The sender id of a channel becomes a text that all
 * channels of one kind spell the same. An invalid sender id yields undefined. Only keyed hashes of this text are
 * stored.
 */
import { toAsciiLowerCase } from '../encoding/ascii-case.ts';

const phoneDigitsPattern = /^[1-9][0-9]{6,14}$/;
/**
 * A dot-atom (RFC 5322 section 3.2.3). Quoted local parts are rejected, because mail systems interpret them
 * differently.
 */
const emailLocalPartPattern = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const domainLabelPattern = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const domainNamePattern = new RegExp(`^(?=.{1,253}$)${domainLabelPattern}(?:\\.${domainLabelPattern})+$`);
const slackIdPattern = /^[A-Z0-9]{2,32}$/;
const loginPattern = /^[a-z0-9][a-z0-9._%+@-]{2,127}$/;

/** `tel:+447700900123`, from E.164 (ITU-T, 7 to 15 digits after the plus). For `whatsapp` the plus can be missing. */
export function canonicalPhone(scheme: 'tel' | 'whatsapp', text: string): string | undefined {
  const digits = text.startsWith('+') ? text.slice(1) : scheme === 'whatsapp' ? text : '';
  return phoneDigitsPattern.test(digits) ? `${scheme}:+${digits}` : undefined;
}

/** Country code, optionally `ENT` for a portfolio of businesses, and 1 to 128 letters and digits. */
const whatsAppUserIdPattern = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;

/**
 * `whatsapp-user:US.13491208655302741918`, from the ID that Meta gives a person within one business. It names people who
 * hide their telephone number.
 */
export const canonicalWhatsAppUser = (id: string): string | undefined =>
  whatsAppUserIdPattern.test(id) ? `whatsapp-user:${id}` : undefined;

/**
 * `mailto:ada@example.com`, from a bare address: ASCII, converted to lower case because mailboxes ignore case, without
 * name, comment or quotes. Internationalized domains must be A-labels (RFC 5890).
 */
export function canonicalEmail(address: string): string | undefined {
  const text = toAsciiLowerCase(address);
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (at < 1 || local.length > 64 || text.length > 254) return undefined;
  return emailLocalPartPattern.test(local) && domainNamePattern.test(domain) ? `mailto:${text}` : undefined;
}

/** `slack:T0123/U0456`: workspace id and member id. */
export const canonicalSlack = (team: string, user: string): string | undefined =>
  slackIdPattern.test(team) && slackIdPattern.test(user) ? `slack:${team}/${user}` : undefined;

/** `login:ada`: the name of a password login, in lower case. */
export function canonicalLogin(name: string): string | undefined {
  const text = toAsciiLowerCase(name);
  return loginPattern.test(text) ? `login:${text}` : undefined;
}

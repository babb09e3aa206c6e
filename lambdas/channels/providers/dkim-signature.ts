/** Parses DKIM signatures (RFC 6376). They are not verified here: the provider does that. */
import { toAsciiLowerCase } from '../../../core/encoding/ascii-case.ts';

export interface DkimSignature {
  /** Signing domain (`d=`), in lower case. */
  readonly domain: string;
  /** Undefined if the signature cannot authenticate a sender: another algorithm, or it covers only part of the body. */
  readonly coverage:
    | {
        /** Names of the signed headers, in lower case. */
        readonly headers: readonly string[];
        readonly bytes: Uint8Array;
      }
    | undefined;
}

const domainNamePattern =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Characters; far above the size for any real key. Bounds the cost of parsing. */
const maxSignatureLength = 8_192;
/** Folding white space (RFC 6376 section 2.8). `\s` and `trim` also remove U+00A0 and its kin. */
const foldingSpace = /[ \t\r\n]+/g;

/** Whether a signer's domain is the given domain or a parent of it. Both must be in lower case. */
export const isAlignedDomain = (signer: string, domain: string): boolean =>
  domain === signer || domain.endsWith(`.${signer}`);

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

/**
 * Parses a DKIM-Signature. Returns undefined if it is malformed, or if its signing domain or its identity (`i=`) cannot
 * be told apart from other domains in the provider's report.
 */
export function parseDkimSignature(value: string): DkimSignature | undefined {
  const tags = parseDkimTags(value);
  const domain = toAsciiLowerCase(tags?.get('d') ?? '');
  if (tags === undefined || !domainNamePattern.test(domain)) return undefined;
  const identity = toAsciiLowerCase(tags.get('i') ?? `@${domain}`);
  const identityDomain = identity.slice(identity.lastIndexOf('@') + 1);
  if (!domainNamePattern.test(identityDomain) || !isAlignedDomain(domain, identityDomain)) return undefined;
  return { domain, coverage: parseCoverage(tags) };
}

function parseCoverage(tags: ReadonlyMap<string, string>): DkimSignature['coverage'] {
  if (tags.has('l') || tags.get('v') !== '1') return undefined;
  if (!/^(?:rsa|ed25519)-sha256$/.test(tags.get('a') ?? '') || !tags.get('s') || !tags.get('bh')) return undefined;
  const base64 = tags.get('b') ?? '';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length < 64 || bytes.toString('base64') !== base64) return undefined;
  return { headers: toAsciiLowerCase(tags.get('h') ?? '').split(':'), bytes };
}

/**
 * Decides whether to trust the From header of an email.
 *
 * Anyone can write any From header. It is trusted only if the provider reports a valid DKIM signature (RFC 6376) that
 * meets these conditions:
 * - Its domain is the domain of the From address or a parent of it. RFC 7489 section 3.1.1 also allows subdomains and
 *   sibling domains that share an organizational domain. That check needs a public suffix list, which is never up to
 *   date. It would also let every host of a domain sign for every address. The owner of a parent domain can publish
 *   keys for its subdomains anyway.
 * - It covers From, the header that contains the channel's address (To or Cc) and the whole body (no `l=`), so a signed
 *   email cannot be altered.
 * - If the email has several signatures, the provider's report identifies this one as valid.
 *
 * The email must be addressed to the channel's address, so email for another recipient cannot be forwarded to the vault.
 * Some large senders, such as Microsoft, do not sign To. The option `unsignedTo` accepts their email. With it, any
 * recipient of a signed email can forward it to the vault, no matter to whom the sender addressed it.
 */
import { type DkimSignature, isAlignedDomain, parseDkimSignature } from './dkim-signature.ts';
import { includesAddress, parseSingleAddress } from './email-address-parser.ts';
import { type EmailHeaders, headerValues, singleHeader } from './email-headers.ts';

export interface SenderTrustPolicy {
  /** Canonical identity of the channel's email address. */
  readonly address: string;
  /** Whether to accept a signature that does not cover To or Cc. */
  readonly unsignedTo: boolean;
}

export interface SenderClaims {
  readonly headers: EmailHeaders;
  /**
   * From, To and Cc as the provider reports them separately from the headers. From must be the same address in both
   * places, and To or Cc must include the channel's address in both. Some providers send the headers as lines with
   * decoded encoded words (RFC 2047). A sender name can then contain a line feed and inject another header line.
   */
  readonly from: string | undefined;
  readonly to?: string | undefined;
  readonly cc?: string | undefined;
  /**
   * Selects the signatures that the provider reports as valid. All signatures are those of the email, in order.
   * @param fromDomain domain of the From address
   */
  readonly selectPassed: (signatures: readonly DkimSignature[], fromDomain: string) => readonly DkimSignature[];
  /** Domain of the envelope sender, if the provider reports that SPF passed for it (RFC 7208). */
  readonly spfDomain: string | undefined;
}

export interface AuthenticatedSender {
  readonly identity: string;
  /** Bytes of the signatures that prove the identity; at least one. */
  readonly proofs: readonly Uint8Array[];
}

const domainOf = (identity: string): string => identity.slice(identity.lastIndexOf('@') + 1);

/** Whether an address is the channel's, possibly with a tag: `bot+tag@example.com` for `bot@example.com`. */
export const isChannelAddress = (identity: string, address: string): boolean =>
  identity === address || identity.replace(/\+[^@]*@/, '@') === address;

/** The address of the From header, if both places agree. It is not authenticated. */
export function claimedSender({ headers, from }: SenderClaims): string | undefined {
  const header = singleHeader(headers, 'from');
  const identity = header === undefined ? undefined : parseSingleAddress(header);
  return identity !== undefined && parseSingleAddress(from ?? '') === identity ? identity : undefined;
}

/** The header that contains the channel's address. */
function addressedIn({ headers, to, cc }: SenderClaims, address: string): 'to' | 'cc' | undefined {
  const isIn = (name: 'to' | 'cc', reported: string | undefined): boolean => {
    const header = singleHeader(headers, name);
    const matches = (identity: string): boolean => isChannelAddress(identity, address);
    return header !== undefined && includesAddress(header, matches) && includesAddress(reported ?? header, matches);
  };
  // A repeated To is ambiguous, even if Cc is not.
  if (headerValues(headers, 'to').length > 1) return undefined;
  return isIn('to', to) ? 'to' : isIn('cc', cc) ? 'cc' : undefined;
}

/** Returns the authenticated sender, or undefined if the sender is not authenticated. */
export function authenticateSender(
  claims: SenderClaims,
  { address, unsignedTo }: SenderTrustPolicy,
): AuthenticatedSender | undefined {
  const identity = claimedSender(claims);
  const addressed = addressedIn(claims, address);
  if (identity === undefined || addressed === undefined) return undefined;
  const signatures = headerValues(claims.headers, 'dkim-signature').map(parseDkimSignature);
  if (!signatures.every((signature) => signature !== undefined)) return undefined;
  const fromDomain = domainOf(identity);
  const proofs = claims
    .selectPassed(signatures, fromDomain)
    .filter(({ domain }) => isAlignedDomain(domain, fromDomain))
    .flatMap(({ coverage }) => coverage ?? [])
    .filter(({ headers }) => headers.includes('from') && (unsignedTo || headers.includes(addressed)))
    .map(({ bytes }) => bytes);
  return proofs.length === 0 ? undefined : { identity, proofs };
}

/**
 * Returns the sender whom a hint may be sent to, although the email is not accepted: SPF passed for the domain of the
 * From address. Without that, the hint would reach somebody who never wrote.
 */
export function hintableSender(claims: SenderClaims): string | undefined {
  const identity = claimedSender(claims);
  if (identity === undefined || claims.spfDomain === undefined) return undefined;
  return domainOf(identity) === claims.spfDomain ? identity : undefined;
}

/**
 * Email through a Mailgun route with `forward("https://…/v1/hooks/mailgun/<org>/<route secret>")`.
 *
 * Signature (documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): the field `signature` is
 * the lower-case hex of HMAC-SHA256 under the webhook signing key over the fields `timestamp` and `token`. It does not
 * cover the email, and Mailgun signs every event of the account with the same key. Three further checks are therefore
 * needed:
 * - The path must contain a route secret.
 * - A token is accepted for one email only (InboundMessage.token).
 * - A timestamp is accepted for nine hours. Mailgun retries a delivery for eight hours and a quarter, and its
 *   documentation does not say whether a retry gets a new signature.
 *
 * The signature is inside the form, so the form must be parsed before verification. The form is parsed only if the path
 * contains the route secret. Parsing takes linear time.
 *
 * Fields (…/user-manual/receive-forward-store/receive-http): `message-headers` contains all headers of the email in
 * their order, as JSON. `body-plain` is the complete text and `body-html` the HTML. `stripped-text` is not used if there
 * is a complete text, because answers between quotations are missing from it. Files are parts of the form.
 *
 * DKIM (…/user-manual/receive-forward-store/spam-filter): with "Mark spam with MIME headers", Mailgun adds its results
 * to the headers of the email. It adds `X-Mailgun-Sscore` to every email that it checks, and
 * `X-Mailgun-Dkim-Check-Result: Pass` or `Fail` to signed email. A request does not distinguish these headers from
 * headers of the same names that the sender wrote. The documentation does not say that Mailgun removes the latter.
 * These conditions must therefore be met:
 * - The organization states that its domain marks spam (`spamFilter`).
 * - Each of the two headers occurs exactly once.
 * - Both are in Mailgun's own block of headers, where the sender cannot place a header. The block is either before all
 *   headers of the email (above the first Received) or after all of them. If it is at the end, the DKIM result must
 *   follow the score, because the first header from Mailgun ends the headers from the sender.
 * - If the block is at the end, the request body is at most 256 KiB, because spam filters skip large email and then add
 *   no headers. Above the first Received, a sender cannot write headers into an email of any size.
 *
 * Two facts depend on Mailgun alone: it checks every email up to that size, and `Pass` refers to a signature of the
 * email. It does not say to which: if there are several, all of them must be of the domain of the From address or a
 * parent of it, and must meet the conditions in sender-authentication.ts.
 */
import * as z from 'zod/mini';
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';
import type { ChannelProvider, WebhookContent, WebhookRequest } from '../channel-ports.ts';
import { type DkimSignature, isAlignedDomain } from './dkim-signature.ts';
import { parseSingleAddress } from './email-address-parser.ts';
import { type EmailHeaders, headerValues, replyHeaders, singleHeader, toEmailHeaders } from './email-headers.ts';
import { type MultipartForm, parseMultipartForm, parseUrlEncodedForm, singleField } from './form-parser.ts';
import { parseInboundEmail } from './inbound-email.ts';
import { basicAuthorization, postToProvider } from './provider-http-client.ts';
import type { SenderTrustPolicy } from './sender-authentication.ts';
import {
  clockSkewSeconds,
  constantTimeEqualNonEmpty,
  encodedHmac,
  hexSha256Pattern,
  isWithinTimeWindow,
  secretSchema,
} from './signature-helpers.ts';

/** The organization's value `channels/mailgun`. */
const credentialsSchema = z.strictObject({
  /** The account's HTTP webhook signing key. */
  signingKey: secretSchema,
  /** Chosen by the organization: 22 to 128 base64url characters at the end of the route's URL. */
  routeSecret: z.string().check(z.regex(/^[A-Za-z0-9_-]{22,128}$/)),
  /**
   * States that the domain's spam filter is set to "Mark spam with MIME headers". Otherwise, forged email cannot be
   * detected.
   */
  spamFilter: z.literal('mark'),
  /** The address that receives email and sends replies. */
  address: z.string().check(z.refine((text) => canonicalEmail(text) !== undefined)),
  /** See SenderTrustPolicy.unsignedTo (inbound-email.ts). */
  unsignedTo: z._default(z.boolean(), false),
  /** Sending key that authorizes replies. */
  apiKey: secretSchema,
  /** Domain that sends the replies. */
  domain: z.string().check(z.regex(/^[a-z0-9.-]{3,253}$/)),
  region: z._default(z.enum(['us', 'eu']), 'us'),
});
type MailgunCredentials = z.output<typeof credentialsSchema>;

const acceptedTimeWindow = { back: 9 * 3_600, ahead: clockSkewSeconds };
/** Maximum bytes of a request whose results are after the headers of the email. */
const maxCheckedBytes = 262_144;
const headerPairsSchema = z.array(z.tuple([z.string(), z.string()]));

function verifySignature(
  request: WebhookRequest,
  credentials: MailgunCredentials,
  now: Date,
): MultipartForm | undefined {
  if (request.method !== 'POST' || !constantTimeEqualNonEmpty(request.pathSecret, credentials.routeSecret))
    return undefined;
  const urlEncoded = parseUrlEncodedForm(request);
  const parts = urlEncoded === undefined ? parseMultipartForm(request) : { form: urlEncoded, files: [] };
  if (parts === undefined) return undefined;
  const { form } = parts;
  const [timestamp = '', token = '', signature = ''] = ['timestamp', 'token', 'signature'].map((name) =>
    singleField(form, name),
  );
  // The signed fields are joined without a separator, so without these checks an attacker could move characters from
  // one field to the other. The checks also save an HMAC for malformed values.
  if (
    !isWithinTimeWindow(timestamp, acceptedTimeWindow, now) ||
    !/^[0-9a-z-]{32,64}$/i.test(token) ||
    !hexSha256Pattern.test(signature)
  )
    return undefined;
  const expected = encodedHmac('sha256', 'hex', credentials.signingKey, timestamp, token);
  return constantTimeEqualNonEmpty(signature, expected) ? parts : undefined;
}

function parseHeaders({ form }: MultipartForm): EmailHeaders | undefined {
  try {
    const parsed = headerPairsSchema.safeParse(JSON.parse(singleField(form, 'message-headers') ?? ''));
    return parsed.success ? toEmailHeaders(parsed.data) : undefined;
  } catch {
    return undefined;
  }
}

const spamScoreHeader = 'x-mailgun-sscore';
const dkimResultHeader = 'x-mailgun-dkim-check-result';
const spfResultHeader = 'x-mailgun-spf';
const isMailgunHeader = (name: string): boolean => name.startsWith('x-mailgun-');

interface MailgunResults {
  readonly dkimPassed: boolean;
  readonly spfPassed: boolean;
}

/** Reads Mailgun's results from headers that only Mailgun can have written. Returns undefined if there are none. */
function readResults(headers: EmailHeaders, bodyBytes: number): MailgunResults | undefined {
  const names = headers.map(([name]) => name);
  const [scoreIndex, dkimIndex] = [names.indexOf(spamScoreHeader), names.indexOf(dkimResultHeader)];
  if (
    scoreIndex < 0 ||
    dkimIndex < 0 ||
    names.lastIndexOf(spamScoreHeader) !== scoreIndex ||
    names.lastIndexOf(dkimResultHeader) !== dkimIndex
  )
    return undefined;
  const first = Math.min(scoreIndex, dkimIndex);
  const firstOtherIndex = names.findIndex((name, at) => at > first && !isMailgunHeader(name));
  const above =
    firstOtherIndex > Math.max(scoreIndex, dkimIndex) &&
    names.slice(0, firstOtherIndex).every((name) => isMailgunHeader(name) || name === 'x-envelope-from');
  const atTop = above && names.indexOf('received', firstOtherIndex) >= 0;
  const atEnd = firstOtherIndex < 0 && scoreIndex < dkimIndex && bodyBytes <= maxCheckedBytes;
  if (!atTop && !atEnd) return undefined;
  const block = headers.slice(first, firstOtherIndex < 0 ? undefined : firstOtherIndex);
  const isPass = (value: string | undefined): boolean => /^pass$/i.test(value?.trim() ?? '');
  // The result of SPF occurs once in the email, and in Mailgun's block.
  const spf = headerValues(headers, spfResultHeader).length === 1 ? singleHeader(block, spfResultHeader) : undefined;
  return { dkimPassed: isPass(headers[dkimIndex]?.[1]), spfPassed: isPass(spf) };
}

/** `Pass` does not name its signature, so all signatures must be of the sender's domain and complete. */
const selectPassed = (isPass: boolean) => (signatures: readonly DkimSignature[], fromDomain: string) =>
  isPass &&
  signatures.every(({ domain, coverage }) => isAlignedDomain(domain, fromDomain) && coverage?.headers.includes('from'))
    ? commonCoverage(signatures)
    : [];

/** Every signature covers only what all of them cover, because any of them can be the valid one. */
function commonCoverage(signatures: readonly DkimSignature[]): readonly DkimSignature[] {
  const covered = signatures.map(({ coverage }) => coverage?.headers ?? []);
  const common = (covered[0] ?? []).filter((name) => covered.every((names) => names.includes(name)));
  return signatures.map((signature) => ({
    ...signature,
    coverage: signature.coverage && { ...signature.coverage, headers: common },
  }));
}

/** Domain of the envelope sender, if SPF passed for it. */
function spfDomainOf(sender: string | undefined, results: MailgunResults): string | undefined {
  return results.spfPassed
    ? parseSingleAddress(sender ?? '')
        ?.split('@')
        .at(-1)
    : undefined;
}

function parseEmail(request: WebhookRequest, parts: MultipartForm, trust: SenderTrustPolicy): WebhookContent {
  const headers = parseHeaders(parts);
  const results = headers === undefined ? undefined : readResults(headers, request.body.length);
  if (headers === undefined || results === undefined) return { kind: 'nothing', reason: 'sender_unverified' };
  const field = (name: string): string | undefined => singleField(parts.form, name);
  const mail = {
    headers,
    from: field('from'),
    selectPassed: selectPassed(results.dkimPassed),
    spfDomain: spfDomainOf(field('sender'), results),
    text: field('body-plain') || field('stripped-text') || '',
    html: field('body-html') || field('stripped-html') || '',
    subject: field('subject') ?? '',
    files: parts.files,
    token: field('token'),
  };
  return parseInboundEmail(mail, trust);
}

export const mailgun: ChannelProvider = {
  name: 'mailgun',
  acceptedResponse: { contentType: 'text/plain', body: '' },
  replayableSeconds: undefined,
  accountFor(json, providerHttp) {
    const parsed = credentialsSchema.safeParse(json);
    if (!parsed.success) return undefined;
    const credentials = parsed.data;
    const trust = { address: canonicalEmail(credentials.address) ?? '', unsignedTo: credentials.unsignedTo };
    return {
      async verifyAndParse(request, now) {
        const parts = verifySignature(request, credentials, now);
        return parts && parseEmail(request, parts, trust);
      },
      /** documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages. */
      sendReply: (replyTo, text) =>
        postToProvider(providerHttp, {
          origin: credentials.region === 'eu' ? 'https://api.eu.mailgun.net' : 'https://api.mailgun.net',
          channel: 'mailgun',
          path: `/v3/${credentials.domain}/messages`,
          authorization: basicAuthorization('api', credentials.apiKey),
          body: new URLSearchParams({
            from: credentials.address,
            to: replyTo.to ?? '',
            subject: replyTo.subject ?? '',
            text,
            ...Object.fromEntries(Object.entries(replyHeaders(replyTo)).map(([name, value]) => [`h:${name}`, value])),
          }),
        }),
    };
  },
};

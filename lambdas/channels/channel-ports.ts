/**
 * What conversations need of the providers that carry messages. lambdas/channels has one Channel per provider; the rules
 * see these types alone.
 */

export const channelNames = ['twilio', 'whatsapp', 'slack', 'mailgun', 'sendgrid'] as const;
export type ChannelName = (typeof channelNames)[number];

/** A request as it came to a webhook route. Nothing in it is to be believed before Line.receive has returned a reading. */
export interface WebhookRequest {
  readonly method: 'GET' | 'POST';
  /** The configured public URL, then the raw path and the raw query as sent (`https://vault.example/v1/hooks/twilio/org?x=1`). */
  readonly url: string;
  /** Decoded parameters of the query; of a name that is there twice, all values joined by commas, as API Gateway does. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case; of a header that is there twice, all values joined by commas, as API Gateway does. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as sent. */
  readonly body: Uint8Array;
  /** What follows the org in the path; undefined where the route has no such part. Mailgun's route alone must have it. */
  readonly pathSecret?: string | undefined;
}

/**
 * Where a reply goes: plain JSON of the channel's own, at most 4 KiB, that travels with the message and is given back to send. It holds
 * addresses and subjects: it is to be kept and sealed like the text.
 */
export type ReplyTo = Readonly<Record<string, string>>;

/** One message whose sender the provider vouches for. */
export interface InboundMessage {
  /**
   * The provider's name of this message, 1 to 128 printable ASCII characters, the same whenever the message is delivered again.
   * Unique within an org and channel: who sees one a second time must do nothing.
   */
  readonly deliveryId: string;
  /**
   * Where the signature covers a single-use token and not the message (Mailgun): that token, 1 to 128 printable ASCII characters. It must
   * be new too; seen before with another deliveryId, the request is a forgery made of a captured one.
   */
  readonly token?: string | undefined;
  /** Canonical (core/users/canonical-identity.ts), such as `tel:+447700900123`. */
  readonly identity: string;
  /** Whole, however long it is; attachments, pictures and mark-up are left out. May be empty. */
  readonly text: string;
  /** Whether others than the sender see the message and its reply (a Slack channel): no place for a code. */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

/** What a verified request says. */
export type WebhookContent =
  | { readonly kind: 'messages'; readonly messages: readonly InboundMessage[] }
  /** The provider asks whether this address is ours: answered with status 200 and exactly this. */
  | { readonly kind: 'challenge'; readonly answer: WebhookResponse }
  /** Status reports, echoes, messages of bots, and kinds of message that are not taken: accepted, and nothing more. */
  | { readonly kind: 'nothing' }
  /** Mail that the provider delivered but whose sender it does not vouch for: no message. */
  | { readonly kind: 'refused'; readonly reason: 'sender_unverified' };

/** The body of an answer of status 200. */
export interface WebhookResponse {
  readonly contentType: string;
  readonly body: string;
}

/**
 * What became of a reply: `sent` (taken by the provider), `refused` (no repetition helps), or `unknown`: it may have been sent or not,
 * or the provider asks to wait.
 */
export type SendResult = 'sent' | 'refused' | 'unknown';

/** A channel as one org has set it up. */
export interface ProviderAccount {
  /**
   * Verifies a request and, only when its signature holds, reads it. Undefined for every cause for which a request is not the
   * provider's: no telling which. Never throws, whatever the request.
   * @param now the time by which windows are judged
   */
  verifyAndParse(request: WebhookRequest, now: Date): Promise<WebhookContent | undefined>;
  /**
   * Sends a text to where a message came from, in one try of at most ten seconds. Never throws.
   * @param text not empty; cut to what the provider takes, between two characters, when it is longer
   */
  sendReply(replyTo: ReplyTo, text: string): Promise<SendResult>;
}

/** How a line reaches its provider. */
export interface ProviderHttp {
  readonly fetch: typeof fetch;
  /** Base address of all providers' APIs on one machine, without a slash at its end: `<apis>/twilio/…`; undefined for the real ones. */
  readonly baseUrlOverride: string | undefined;
}

export interface ChannelProvider {
  readonly name: ChannelName;
  /** What the provider takes for success. */
  readonly acceptedResponse: WebhookResponse;
  /**
   * Seconds after the receipt of a request for which it, or another delivery of its messages, could verify again: ids of deliveries must
   * be remembered for longer. Undefined: for ever, since nothing in a request tells its time.
   */
  readonly replayableSeconds: number | undefined;
  /**
   * The channel with an org's secrets: what the org's vault has under `channels/<name>`, parsed from JSON. Undefined when they are
   * missing, incomplete, empty or of another form: every request is refused then.
   */
  accountFor(secrets: unknown, carrier: ProviderHttp): ProviderAccount | undefined;
}

/** All channels by name. */
export type ChannelProviders = Readonly<Record<ChannelName, ChannelProvider>>;

/** The secrets of an org's channels, which only the side of org custody can open. */
export interface ChannelCredentialsReader {
  /**
   * The parsed JSON of the org's value `channels/<channel>`; undefined when there is none, or no such org, or one that is shut.
   * @throws VaultError `unavailable`
   */
  getCredentials(org: string, channel: ChannelName): Promise<unknown>;
}

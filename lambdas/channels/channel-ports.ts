/**
 * The interfaces between conversations and messaging providers. lambdas/channels/providers has one ChannelProvider per
 * provider. The conversation logic depends only on these types.
 */

export const channelNames = ['twilio', 'whatsapp', 'slack', 'mailgun', 'sendgrid'] as const;
export type ChannelName = (typeof channelNames)[number];

/** A request to a webhook route. It is untrusted until `ProviderAccount.verifyAndParse` has returned its content. */
export interface WebhookRequest {
  readonly method: 'GET' | 'POST';
  /**
   * The configured public URL, followed by the raw path and the raw query as sent
   * (`https://vault.example/v1/hooks/twilio/org?x=1`).
   */
  readonly url: string;
  /** Decoded query parameters. Values of a repeated name are joined with commas, as API Gateway does. */
  readonly query: Readonly<Record<string, string>>;
  /** Header names are in lower case. Values of a repeated header are joined with commas, as API Gateway does. */
  readonly headers: Readonly<Record<string, string>>;
  /** The raw bytes as sent. */
  readonly body: Uint8Array;
  /** The path segment after the organization. Undefined if the route has none. Only Mailgun's route requires it. */
  readonly pathSecret?: string | undefined;
}

/**
 * The destination of a reply: channel-specific JSON of at most 4 KiB. It is stored in the message's job and passed to
 * `ProviderAccount.sendReply`. It contains addresses and subjects, so it must be encrypted like the text.
 */
export type ReplyTo = Readonly<Record<string, string>>;

/** One message whose sender the provider has authenticated. */
export interface InboundMessage {
  /**
   * The provider's message ID: 1 to 128 printable ASCII characters, identical in every redelivery. It is unique within
   * an organization and channel. A message with a known ID must not be handled again.
   */
  readonly deliveryId: string;
  /**
   * The single-use token, if the signature covers a token and not the message (Mailgun): 1 to 128 printable ASCII
   * characters. A token that was already used with a different deliveryId proves that the request is a forgery made
   * from a captured request.
   */
  readonly token?: string | undefined;
  /** The sender's canonical identity (core/users/canonical-identity.ts), such as `tel:+447700900123`. */
  readonly identity: string;
  /** The complete text without a length limit. Attachments, pictures and markup are left out. May be empty. */
  readonly text: string;
  /**
   * Whether other people can read the message and its reply (a Slack channel). If so, the reply must not contain a
   * code.
   */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

/** The content of a verified request. */
export type WebhookContent =
  | { readonly kind: 'messages'; readonly messages: readonly InboundMessage[] }
  /** The provider checks that we own this URL. The response must be status 200 with exactly this answer. */
  | { readonly kind: 'challenge'; readonly answer: WebhookResponse }
  /** Status reports, echoes, bot messages and unsupported message types. They are acknowledged and then ignored. */
  | { readonly kind: 'nothing' }
  /** Email whose sender the provider did not authenticate. It is not handled as a message. */
  | { readonly kind: 'refused'; readonly reason: 'sender_unverified' };

/** The body of a response with status 200. */
export interface WebhookResponse {
  readonly contentType: string;
  readonly body: string;
}

/**
 * The result of sending a reply: `sent` (the provider accepted it), `refused` (a retry cannot succeed) or `unknown`
 * (the reply might have been sent, or the provider asks to retry later).
 */
export type SendResult = 'sent' | 'refused' | 'unknown';

/** A channel with the configuration of one organization. */
export interface ProviderAccount {
  /**
   * Verifies the signature of a request, then parses its content. Returns undefined if the request is not from the
   * provider. The cause is not reported. Never throws.
   * @param now the time to which time windows are relative
   */
  verifyAndParse(request: WebhookRequest, now: Date): Promise<WebhookContent | undefined>;
  /**
   * Sends a reply in a single attempt of at most ten seconds. Never throws.
   * @param text not empty; truncated at a character boundary if it exceeds the provider's limit
   */
  sendReply(replyTo: ReplyTo, text: string): Promise<SendResult>;
}

/** How to call the provider APIs. */
export interface ProviderHttp {
  readonly fetch: typeof fetch;
  /**
   * Base URL that replaces the origins of all provider APIs on a local machine, without a trailing slash. Requests then
   * go to `<baseUrlOverride>/twilio/…`. Undefined for the real APIs.
   */
  readonly baseUrlOverride: string | undefined;
}

export interface ChannelProvider {
  readonly name: ChannelName;
  /** The response that acknowledges a delivery to the provider. */
  readonly acceptedResponse: WebhookResponse;
  /**
   * Number of seconds after receipt in which the request, or a redelivery of its messages, can still pass verification.
   * Delivery IDs must be stored for longer than this. Undefined means forever, because no signed time limits a replay.
   */
  readonly replayableSeconds: number | undefined;
  /**
   * Creates the account from an organization's credentials, which are the parsed JSON of its value `channels/<name>`.
   * Returns undefined if they are missing, incomplete, empty or malformed. Every request is then rejected.
   */
  accountFor(credentials: unknown, providerHttp: ProviderHttp): ProviderAccount | undefined;
}

/** All channel providers by name. */
export type ChannelProviders = Readonly<Record<ChannelName, ChannelProvider>>;

/** Reads the secrets of an organization's channels. Only org custody can decrypt them. */
export interface ChannelCredentialsReader {
  /**
   * Returns the parsed JSON of the organization's value `channels/<channel>`. Returns undefined if no usable value
   * exists, or if the organization does not exist, is locked or is shredded.
   * @throws VaultError `unavailable`
   */
  getCredentials(org: string, channel: ChannelName): Promise<unknown>;
}

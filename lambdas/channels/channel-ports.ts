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

export const mediaKinds = ['image', 'audio', 'video', 'sticker', 'contact', 'file'] as const;
/** What a person attached. `file` stands for every other kind. */
export type MediaKind = (typeof mediaKinds)[number];

/** Why a file was not kept. The text of the message names the reason (lambdas/conversations/message-text.ts). */
export const mediaRefusals = ['too-large', 'too-many', 'unavailable', 'elsewhere'] as const;
/**
 * `too-large`, `too-many`: above the limits of media (contract/shared/limits.ts). `unavailable`: the provider did not
 * return the file. `elsewhere`: the file is on a host that is not the provider's.
 */
export type MediaRefusal = (typeof mediaRefusals)[number];

/** A provider's reference to a file: JSON of at most 1 KiB. Only `ProviderAccount.fetchMedia` interprets it. */
export type MediaRef = Readonly<Record<string, string>>;

export interface InboundMedia {
  readonly kind: MediaKind;
  /** The sender's name of the file. */
  readonly name?: string | undefined;
  /** Media type as the provider reports it. It is a statement of the sender. */
  readonly type?: string | undefined;
  /** Where the bytes are: at the provider, in the request (email), or not available. */
  readonly content: { readonly ref: MediaRef } | { readonly bytes: Uint8Array } | { readonly refusal: MediaRefusal };
}

export type FetchedMedia =
  | { readonly bytes: Uint8Array; readonly type: string | undefined }
  | { readonly refusal: MediaRefusal };

/** One message whose sender the provider has authenticated. */
export interface InboundMessage {
  /**
   * The provider's message ID: 1 to 128 printable ASCII characters, identical in every redelivery. It is unique within
   * an organization and channel. A message with a known ID must not be handled again.
   */
  readonly deliveryId: string;
  /** Further IDs of the same message, of the same form: it must not be handled again if any of its IDs is known. */
  readonly furtherIds?: readonly string[] | undefined;
  /**
   * The single-use token, if the signature covers a token and not the message (Mailgun): 1 to 128 printable ASCII
   * characters. A token that was already used with a different deliveryId proves that the request is a forgery made
   * from a captured request.
   */
  readonly token?: string | undefined;
  /** The sender's canonical identity (core/users/canonical-identity.ts), such as `tel:+447700900123`. */
  readonly identity: string;
  /** What the person wrote, without a length limit. Empty if the message has only media or a subject. */
  readonly text: string;
  /** Subject of an email, if it is not empty. */
  readonly subject?: string | undefined;
  /** The complete text, if quotations and a signature were removed from `text`. */
  readonly original?: string | undefined;
  readonly media?: readonly InboundMedia[] | undefined;
  /**
   * Set if the carrier answers this text itself (STOP, START, HELP). The vault then stores it and sends no answer.
   */
  readonly carrierKeyword?: CarrierKeyword | undefined;
  /**
   * Whether other people can read the message and its reply (a Slack channel). If so, the reply must not contain a
   * code.
   */
  readonly shared: boolean;
  readonly replyTo: ReplyTo;
}

export const carrierKeywords = ['stop', 'start', 'help'] as const;
export type CarrierKeyword = (typeof carrierKeywords)[number];

export const noticeKinds = ['sender-unverified', 'sender-unsupported', 'message-unsupported'] as const;
/**
 * Why the vault did not accept a message. The sender receives a text that explains it
 * (lambdas/conversations/notice-texts.ts).
 */
export type NoticeKind = (typeof noticeKinds)[number];

/** A hint to the sender of a message that was not accepted. Sent at most once per sender, kind and day. */
export interface Notice {
  readonly kind: NoticeKind;
  /** Names the sender, for the limit. Any text that is equal for the same sender. */
  readonly sender: string;
  readonly replyTo: ReplyTo;
}

/**
 * Why a verified request was not accepted as a message, for the log. `automatic_message`: an automatic answer, a mailing
 * list, a bounce, or a message of the channel itself. `edited_message`: a message that was handled before it was edited.
 */
export const ignoreReasons = [
  'sender_unverified',
  'sender_unsupported',
  'message_unsupported',
  'automatic_message',
  'edited_message',
] as const;
export type IgnoreReason = (typeof ignoreReasons)[number];

/** The content of a verified request. */
export type WebhookContent =
  | {
      readonly kind: 'messages';
      readonly messages: readonly InboundMessage[];
      /** Set if the request also contains messages that are ignored. */
      readonly reason?: IgnoreReason | undefined;
      readonly notices?: readonly Notice[] | undefined;
    }
  /** The provider checks that we own this URL. The response must be status 200 with exactly this answer. */
  | { readonly kind: 'challenge'; readonly answer: WebhookResponse }
  /** Status reports, events that no person caused, and the ignored messages. They are acknowledged. */
  | {
      readonly kind: 'nothing';
      readonly reason?: IgnoreReason | undefined;
      readonly notices?: readonly Notice[] | undefined;
    };

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
   * Sends a reply. Never throws. A text above the provider's limit is sent as several numbered messages, in order. Each
   * is one attempt of at most ten seconds; later ones are attempted twice, so that a reply is not repeated from its
   * start.
   * @param text not empty
   */
  sendReply(replyTo: ReplyTo, text: string): Promise<SendResult>;
  /**
   * Fetches a file of a message with the provider's credentials, in at most two attempts. Never throws. Only hosts of
   * the provider are called. Undefined if the provider sends files with the message.
   * @param maxBytes more are refused; no more are read
   */
  fetchMedia?(ref: MediaRef, maxBytes: number): Promise<FetchedMedia>;
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

/** JSON types of the conversation routes. */

/** A file of a message. */
export interface MessageMedia {
  id: string;
  kind: 'image' | 'audio' | 'video' | 'sticker' | 'contact' | 'file';
  /** The sender's name of the file. */
  name?: string | undefined;
  /** Media type as the sender or the provider states it. */
  type?: string | undefined;
  /** Size of the file. */
  bytes: number;
  /** Where the encrypted file can be fetched, for 15 minutes. */
  url: string;
  /** Key of the file, base64 (docs/format.md, section 12, "Files of messages"). */
  key: string;
}

export interface Message {
  id: string;
  role: 'user' | 'agent';
  text: string;
  /** Subject of an email. */
  subject?: string | undefined;
  /** The complete text, if quotations and a signature were removed from `text`. */
  original?: string | undefined;
  media?: MessageMedia[] | undefined;
  /** Name of the channel, for example `twilio`. */
  channel: string;
  /** RFC 3339. */
  at: string;
}

export interface ListMessagesResponse {
  /** Oldest first. */
  messages: Message[];
  /** Ids of messages on this page that could not be decrypted; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** JSON types of the conversation routes. */

export interface Message {
  id: string;
  role: 'user' | 'agent';
  text: string;
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

/** JSON of the routes of conversations. */

export interface Message {
  id: string;
  role: 'user' | 'agent';
  text: string;
  /** Name of the channel, as `twilio`. */
  channel: string;
  /** RFC 3339. */
  at: string;
}

export interface ListMessagesResponse {
  /** Oldest first. */
  messages: Message[];
  /** Ids of messages of this page that could not be opened; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** What the function `notifier` is told: names, no content (docs/session-service.md, section 8). */
export type NotifierEvent =
  | { readonly kind: 'messages'; readonly org: string; readonly messages: readonly NamedMessage[] }
  | { readonly kind: 'wake'; readonly org: string; readonly devices: readonly string[] }
  | { readonly kind: 'close'; readonly connections: readonly string[] };

interface NamedMessage {
  readonly recipient: string;
  readonly sender: string;
  readonly counter: number;
}

/** Hands an event to the notifier, which runs by itself. @throws if it was not accepted */
export type InvokeNotifier = (event: NotifierEvent) => Promise<void>;

/** Ends connections, after their rows were deleted. Never throws: what stays open gets no frame, and ends by itself. */
export type CloseConnections = (connections: readonly string[]) => Promise<void>;

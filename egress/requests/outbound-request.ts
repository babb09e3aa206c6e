/** A request with values, as it is sent. */
export interface OutboundRequest {
  readonly url: URL;
  readonly method: string;
  /** Headers by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer | undefined;
  /** Whether loopback addresses are allowed as host. */
  readonly allowsLoopback: boolean;
}

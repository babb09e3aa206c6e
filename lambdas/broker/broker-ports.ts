/** Ports of the broker (docs/broker.md). */
import type { OutboundLimits, OutboundResponse } from '../../egress/exchange/outbound-http.ts';
import type { OutboundRequest } from '../../egress/requests/outbound-request.ts';

/** Sends requests to hosts outside. */
export interface Upstream {
  /** @throws OutboundRequestError */
  send(request: OutboundRequest, limits: OutboundLimits): Promise<OutboundResponse>;
}

/** What was sent to a host: references with versions, and IDs of access tokens. */
export interface HostRecordStore {
  /** Strongly consistent. Unsorted. */
  read(org: string, hostname: string): Promise<readonly string[]>;
  /** Adds references. Returns false and changes nothing if the record would then have more than `most`. */
  add(org: string, hostname: string, references: readonly string[], most: number): Promise<boolean>;
  /** Removes references that nothing can be read for any more. */
  remove(org: string, hostname: string, references: readonly string[]): Promise<void>;
}

/** Uses of values by minute. */
export interface UseCounterStore {
  /** Counts one use. Returns false and counts nothing if `limit` uses were counted in that minute. */
  count(org: string, name: string, minute: number, limit: number): Promise<boolean>;
}

/** The state of an access token (docs/broker.md, section 5). */
export interface TokenRecord {
  /** Grows with each change. */
  readonly fence: number;
  /** Random: identifies who wrote the record, so that a write whose reply was lost is recognized. */
  readonly holder: string;
  readonly state: 'idle' | 'refreshing' | 'ready' | 'refused' | 'uncertain';
  /** The versions of the values that the state is about. */
  readonly basis: string;
  /** For `refreshing`: milliseconds since 1970. */
  readonly startedAt?: number | undefined;
  readonly leaseUntil?: number | undefined;
  /** Whether a refresh whose outcome is unknown was repeated within the grace of the provider. */
  readonly repeated?: boolean | undefined;
  /** The tokens, sealed. Kept in every state, because responses are searched for them. */
  readonly sealed?: string | undefined;
  /** The basis that `sealed` is bound to. */
  readonly sealedBasis?: string | undefined;
  /** Whether `sealed` has a refresh token that is not stored as a version of its value yet. */
  readonly pending?: boolean | undefined;
  /** Seconds since 1970; used only by DynamoDB's TTL deletion. */
  readonly ttl?: number | undefined;
}

export interface TokenRecordStore {
  /** Strongly consistent. A damaged item is a record without a state, or none. */
  read(org: string, id: string): Promise<TokenRecord | undefined>;
  /**
   * Replaces the record if its fence is still `expected` (undefined: if there is none). Returns false and changes
   * nothing otherwise.
   */
  replace(org: string, id: string, record: TokenRecord, expected: number | undefined): Promise<boolean>;
}

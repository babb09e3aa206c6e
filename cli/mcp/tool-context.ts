/** Context shared by the tools of one server. */

import type { Network, OutboundLimits } from '../../egress/exchange/outbound-http.ts';
import type { HostRule } from '../../egress/rules/usage-rules.ts';
import type { Anima, CallerIds, CallOptions } from '../../sdk/src/index.ts';
import type { HostValues } from './host-values.ts';
import { ToolRefusal } from './tool-refusal.ts';
import type { UseCounter } from './use-counter.ts';
import type { UsedValueHistory } from './used-value-history.ts';

/** Settings from the options of `anima mcp`. */
export interface McpSettings {
  /** Folder that all tools are limited to, with a trailing slash; empty for no limit. */
  readonly folder: string;
  /** Hosts that requests are limited to, in addition to the limits of the values; undefined for no further limit. */
  readonly hosts: readonly HostRule[] | undefined;
  /** Whether values may be revealed. */
  readonly allowsReveal: boolean;
  /** Whether requests without values are allowed. */
  readonly allowsPlainRequests: boolean;
  /** Whether the rules of values may allow loopback addresses as hosts. */
  readonly allowsLoopback: boolean;
  /** Whether requests are made by the vault, so that this machine never has a value. */
  readonly usesBroker: boolean;
  readonly limits: OutboundLimits;
  /** Settings for file sharing; undefined if disabled. */
  readonly share: ShareSettings | undefined;
}

export interface ShareSettings {
  /** Absolute path of the folder, without symbolic links. */
  readonly root: string;
  /** Maximum file size, bytes. */
  readonly maxBytes: number;
}

export interface ToolContext {
  readonly settings: McpSettings;
  readonly network: Network;
  readonly usedValues: UsedValueHistory;
  readonly hostValues: HostValues;
  readonly useCounter: UseCounter;
  client(): Promise<Anima>;
}

/** One tool call: its ids for the audit, and its abort signal. */
export type ToolCall = CallOptions & { readonly signal: AbortSignal };

/** @throws ToolRefusal for a name outside the folder */
export function assertInFolder({ settings: { folder } }: ToolContext, name: string): string {
  if (name.startsWith(folder)) return name;
  throw new ToolRefusal(`This server is limited to names that begin with ${folder}`);
}

/** Converts a caller's name for itself to a valid audit id: 1 to 128 visible ASCII characters. */
export function sanitizeCallerId(text: string): string | undefined {
  const safe = text
    .trim()
    .replace(/[^\x21-\x7e]+/g, '-')
    .slice(0, 128);
  return safe === '' ? undefined : safe;
}

/** Vault calls end before the one-minute time-out that MCP clients apply to a tool. */
const callTimeouts = { timeout: 10_000, maxRetries: 2 };

/** Builds the ids of a call from the ids of its server. */
export const createToolCall = (ids: CallerIds, requestId: string | number, signal: AbortSignal): ToolCall => ({
  ...callTimeouts,
  ...ids,
  toolCall: sanitizeCallerId(String(requestId)),
  signal,
});

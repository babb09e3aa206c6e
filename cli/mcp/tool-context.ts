/** What the tools of one server share. */
import type { Anima, CallerIds, CallOptions } from '../../sdk/src/index.ts';
import type { Network, OutboundLimits } from './outbound-http.ts';
import { ToolRefusal } from './tool-refusal.ts';
import type { HostRule } from './usage-rules.ts';
import type { UsedValueHistory } from './used-value-history.ts';

/** What the switches of `anima mcp` say. */
export interface McpSettings {
  /** Folder that all tools are limited to, with its slash; empty for none. */
  readonly folder: string;
  /** Hosts that requests are limited to, beside what values allow; undefined for no further limit. */
  readonly hosts: readonly HostRule[] | undefined;
  /** Whether a value may be shown. */
  readonly allowsReveal: boolean;
  /** Whether requests without any value are made. */
  readonly allowsPlainRequests: boolean;
  /** Whether values may name addresses of this machine as hosts. */
  readonly allowsLoopback: boolean;
  readonly limits: OutboundLimits;
  /** What files may be shared; undefined for none. */
  readonly share: ShareSettings | undefined;
}

export interface ShareSettings {
  /** Absolute path of the folder, without symbolic links. */
  readonly root: string;
  /** Bytes of the largest file. */
  readonly maxBytes: number;
}

export interface ToolContext {
  readonly settings: McpSettings;
  readonly network: Network;
  readonly usedValues: UsedValueHistory;
  client(): Promise<Anima>;
}

/** One call of a tool: what the audit is told of it, and its cancellation. */
export type ToolCall = CallOptions & { readonly signal: AbortSignal };

/** @throws Refusal for a name outside of the folder */
export function assertInFolder({ settings: { folder } }: ToolContext, name: string): string {
  if (name.startsWith(folder)) return name;
  throw new ToolRefusal(`This server is limited to names that begin with ${folder}`);
}

/** What a caller said of itself, as the audit takes it: 1 to 128 visible ASCII characters. */
export function sanitizeCallerId(text: string): string | undefined {
  const safe = text
    .trim()
    .replace(/[^\x21-\x7e]+/g, '-')
    .slice(0, 128);
  return safe === '' ? undefined : safe;
}

/** A call to the vault ends before the minute that clients wait for a tool. */
const callTimeouts = { timeout: 10_000, maxRetries: 2 };

/** Ids of a call, from those of its server. */
export const createToolCall = (ids: CallerIds, requestId: string | number, signal: AbortSignal): ToolCall => ({
  ...callTimeouts,
  ...ids,
  toolCall: sanitizeCallerId(String(requestId)),
  signal,
});

/** One use of values that a person must allow, and what a statement says about it. */
import type { PendingFetch } from '../../contract/broker/wire.ts';
import type { AskedShare } from '../../core/approvals/asked-shares.ts';
import { authHash, type BrokerRequest } from '../../core/approvals/shown-request.ts';
import type { ApprovalScope, UsedValue } from '../../core/approvals/statement.ts';
import type { ApprovalExtent, ApprovalRule } from '../../egress/rules/approval-rules.ts';

/** Encrypts what a request key is derived from, for as long as the approval is stored. */
export interface RequestSecrets {
  seal(approval: string, secret: Uint8Array): string;
  /** The caller zeroes the secret. @throws DecryptionError */
  open(approval: string, sealed: string): Promise<Uint8Array>;
}

export interface AskedUse {
  readonly org: string;
  readonly rule: ApprovalRule;
  /** Id of the API key, and what its caller states. */
  readonly keyId: string;
  /** Id of the login that gave the key. */
  readonly login: string | undefined;
  readonly agent: string;
  readonly run: string;
  readonly request: BrokerRequest;
  readonly reason: string;
  /** With the port, unless it is that of https. */
  readonly host: string;
  readonly method: string;
  readonly pathname: string;
  readonly values: readonly UsedValue[];
  /** Shares of the values of custody `approval`, which only a device opens. */
  readonly shares: readonly AskedShare[];
  readonly secrets: RequestSecrets;
}

/** @param run id of the run that the service issued */
export const scopeOf = (extent: ApprovalExtent, run: string, request: BrokerRequest): ApprovalScope => {
  if (extent.kind === 'each') return { kind: 'once' };
  const { uses, path } = extent;
  const repeated = { path, uses, authHash: authHash(request) };
  return extent.kind === 'run' ? { kind: 'run', run, ...repeated } : { kind: 'time', ...repeated };
};

/** After this time an agent asks less often, and how often, milliseconds and seconds. */
const eagerMs = 30_000;
const [eagerSeconds, patientSeconds] = [2, 5];

interface PendingFacts {
  readonly id: string;
  readonly scope: ApprovalScope;
  readonly devices: number;
  readonly asked: number;
  readonly expires: number;
  readonly now: number;
}

/** The answer with status 202. @param handle only in the answer that asked */
export const pendingFetch = (
  { id, scope, devices, asked, expires, now }: PendingFacts,
  handle?: Uint8Array,
): PendingFetch => ({
  approval: {
    id,
    ...(handle && { handle: Buffer.from(handle).toString('base64url') }),
    ...(scope.kind === 'run' && { run: scope.run }),
    state: 'asked',
    devices,
    expiresAt: new Date(expires).toISOString(),
    retryAfterSeconds: now - asked < eagerMs ? eagerSeconds : patientSeconds,
  },
});

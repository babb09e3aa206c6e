/**
 * Decides whether a use is allowed: the agent repeats the request with its handle, and everything is checked again
 * (docs/approvals.md, section 4).
 */
import { randomBytes } from 'node:crypto';
import { approvalLimits } from '../../contract/approvals/limits.ts';
import type { AskedApproval, PendingFetch } from '../../contract/broker/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { judgeAnswer, type ReadAnswer, readAnswer } from '../../core/approvals/answer.ts';
import { zeroShares } from '../../core/approvals/sealed-value-form.ts';
import { deriveRequestKey, openShares, sharesHash, type ValueShare } from '../../core/approvals/shares.ts';
import { authHash, detailsHash } from '../../core/approvals/shown-request.ts';
import { isSignedBy } from '../../core/approvals/signed-statement.ts';
import {
  type ApprovalScope,
  type ApprovalStatement,
  encodeStatement,
  handleHash,
  parseStatement,
  usesOf,
} from '../../core/approvals/statement.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { equalBytes, toNonSharedBytes } from '../../core/encoding/bytes.ts';
import { isDateTime } from '../../core/encoding/stored-record-fields.ts';
import type { ApprovalExtent } from '../../egress/rules/approval-rules.ts';
import { allowsPath, parsePaths } from '../../egress/rules/use-limits.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import { constantTimeEqual } from '../shared/constant-time-equal.ts';
import type { Clock } from '../shared/ports.ts';
import type { ApprovalStore, StoredApproval, UseEnd } from './approval-ports.ts';
import { type AskedUse, pendingFetch } from './asked-use.ts';
import type { BrokerDirectory } from './broker-directory.ts';
import { type BrokerIdentity, isListedBroker } from './broker-identity.ts';
import { isRefusedByAll, isUncertain } from './question-pace.ts';
import { encodeShown } from './question-service.ts';

/** What the audit keeps of an approval, base64. */
export interface ApprovalProof {
  readonly approval: string;
  readonly statement: string;
  readonly signature: string;
  readonly answer: string;
}

/** A use that a person allowed, and that was counted. */
export interface AllowedUse {
  readonly proof: ApprovalProof;
  /** Shares of the values of custody `approval`. The caller zeroes them. */
  readonly shares: readonly ValueShare[];
  /** Stores how it ended. Never throws: a use without an end counts as one with an unknown outcome. */
  end(end: UseEnd): Promise<void>;
}

export interface ApprovalGateDeps {
  readonly store: ApprovalStore;
  readonly directory: BrokerDirectory;
  readonly identity: BrokerIdentity;
  readonly clock: Clock;
}

interface Found {
  readonly stored: StoredApproval;
  readonly facts: ApprovalStatement;
}

export class ApprovalGate {
  readonly #deps: ApprovalGateDeps;

  constructor(deps: ApprovalGateDeps) {
    this.#deps = deps;
  }

  /**
   * Counts a use that was allowed.
   * @returns the answer with status 202 if nobody answered yet
   * @throws VaultError `approval_not_found`, `approval_mismatch`, `approval_expired`, `approval_refused`,
   *   `approval_denied`, `approval_used`, `approval_uncertain`, `approver_unavailable`, `directory_refused`
   */
  async enter(use: AskedUse, presented: AskedApproval): Promise<AllowedUse | PendingFetch> {
    const { org } = use;
    const found = await this.#find(use, presented);
    const { stored, facts } = found;
    const now = this.#now();
    if (now >= facts.expires || stored.isWithdrawn) throw over('approval_expired');
    if (isUncertain(stored, now)) throw over('approval_uncertain');
    if (stored.uses >= usesOf(facts.scope)) throw over(stored.open > 0 ? 'approval_pending' : 'approval_used');
    const answer = stored.answer && readAnswer(stored.answer);
    if (stored.answer === undefined || answer === undefined) return this.#notAnswered(found, now);
    const state = await this.#deps.directory.read(org);
    await this.#requireOwnStatement(state, found);
    if (!(await this.#holds(state, found, answer))) return this.#notAnswered(found, now);
    if (answer.answer.decision === 'no') throw over('approval_denied');
    const shares = await openStoredShares(use, found, answer, presented.handle);
    await this.#start(use.org, found, stored.answer).catch((error: unknown) => {
      zeroShares(shares);
      throw error;
    });
    const { approval } = stored;
    return {
      proof: {
        approval,
        statement: encodeBase64Field(stored.statement),
        signature: encodeBase64Field(stored.signature),
        answer: encodeBase64Field(stored.answer),
      },
      shares,
      end: (end) => this.#deps.store.end(org, approval, end).catch(() => undefined),
    };
  }

  #now(): number {
    return this.#deps.clock().getTime();
  }

  /** The stored approval, if it is for exactly this use. */
  async #find(use: AskedUse, presented: AskedApproval): Promise<Found> {
    const stored = await this.#deps.store.get(use.org, presented.id);
    const facts = stored && parseStatement(stored.statement);
    const handle = Buffer.from(presented.handle, 'base64url');
    if (stored === undefined || facts === undefined || facts.keyId !== use.keyId || !isHandle(facts, handle))
      throw over('approval_not_found');
    // Its signature is verified later, and no broker signs such a time.
    if (!isDateTime(facts.expires)) throw over('approval_not_found');
    const { scope: allowed } = facts;
    const [details, scope] =
      allowed.kind === 'once'
        ? [detailsHash(await encodeShown(use, stored.earlier)), allowed]
        : [facts.detailsHash, { ...allowed, authHash: authHash(use.request) }];
    const now: ApprovalStatement = {
      ...facts,
      ...{ org: use.org, person: use.rule.approver, approval: presented.id, handleHash: handleHash(handle) },
      ...{ keyId: use.keyId, agent: use.agent, run: use.run, host: use.host, method: use.method },
      ...{ detailsHash: details, values: use.values, scope },
    };
    const isSame = isScopeOf(facts.scope, use.rule.extent, presented.run) && covers(facts.scope, use.pathname);
    // A value got another custody meanwhile.
    const needsShares = use.shares.length > 0;
    if (
      !isSame ||
      needsShares !== (facts.requestKey !== undefined) ||
      !equalBytes(encodeStatement(now), stored.statement)
    )
      throw over('approval_mismatch');
    return { stored, facts };
  }

  #notAnswered({ stored, facts }: Found, now: number): PendingFetch {
    if (isRefusedByAll(stored)) {
      const reasons = new Set(stored.refusals.map((refusal) => refusal.slice(refusal.indexOf(':') + 1)));
      throw new VaultError('approval_refused', { detail: `Reasons: ${[...reasons].join(', ')}. Nothing was sent.` });
    }
    const { asked, expires, scope } = facts;
    return pendingFetch({ id: stored.approval, scope, devices: stored.devices.length, asked, expires, now });
  }

  /** The table is not trusted: this broker signed the statement, or it is none. */
  async #requireOwnStatement(state: DirectoryState, { stored, facts }: Found): Promise<void> {
    const signed = { statement: toNonSharedBytes(stored.statement), signature: toNonSharedBytes(stored.signature) };
    await this.#deps.identity.use(facts.org, facts.person, async (keys) => {
      if (!isSignedBy(keys.ik.publicKey, signed)) throw over('approval_not_found');
      if (!isListedBroker(state, facts.person, keys)) throw over('approver_unavailable');
    });
  }

  async #holds(state: DirectoryState, { stored, facts }: Found, read: ReadAnswer): Promise<boolean> {
    const relation = await this.#deps.directory.relation(state, read.answer.head);
    const { statement } = stored;
    const context = { state, statement, facts, now: this.#now(), relationOf: () => relation };
    return judgeAnswer(read, context) === undefined;
  }

  /** @throws VaultError `approval_used` */
  async #start(org: string, { stored: { approval }, facts }: Found, answer: Uint8Array): Promise<void> {
    const { store } = this.#deps;
    const starter = randomBytes(16).toString('base64url');
    const now = this.#now();
    const start = { starter, now, limit: usesOf(facts.scope), answer, staleBefore: now - approvalLimits.useMs };
    if (await store.start(org, approval, start)) return;
    // The reply of an earlier attempt of this call can have been lost.
    if ((await store.get(org, approval))?.starter !== starter) throw over('approval_used');
  }
}

/**
 * The shares of an answer that holds. Before the use is counted: if they do not open, nothing was used.
 * @throws DecryptionError
 */
export async function openStoredShares(
  { secrets }: Pick<AskedUse, 'secrets'>,
  { stored, facts }: Found,
  { answer }: ReadAnswer,
  presentedHandle: string,
): Promise<readonly ValueShare[]> {
  if (answer.sharesHash === undefined) return [];
  // Removed by an earlier use that sent nothing.
  if (stored.shares === undefined || stored.secret === undefined) throw over('approval_used');
  if (!equalBytes(answer.sharesHash, sharesHash(stored.shares))) throw new DecryptionError();
  const handle = Buffer.from(presentedHandle, 'base64url');
  const secret = await secrets.open(stored.approval, stored.secret);
  const key = deriveRequestKey(facts, secret, handle);
  secret.fill(0);
  handle.fill(0);
  try {
    return await openShares(facts, stored.statement, answer.device, key.secret, stored.shares);
  } finally {
    key.secret.fill(0);
  }
}

const isHandle = (facts: ApprovalStatement, handle: Uint8Array): boolean =>
  constantTimeEqual(encodeBase64Field(handleHash(handle)), encodeBase64Field(facts.handleHash));

/** The rules may have changed since. */
function isScopeOf(scope: ApprovalScope, extent: ApprovalExtent, run: string | undefined): boolean {
  if (scope.kind === 'once') return extent.kind === 'each' && run === undefined;
  const isSame = extent.kind === scope.kind && extent.uses === scope.uses && extent.path === scope.path;
  return isSame && (scope.kind === 'run' ? run === scope.run : run === undefined);
}

const covers = (scope: ApprovalScope, pathname: string): boolean =>
  scope.kind === 'once' || allowsPath(parsePaths(scope.path) ?? [], pathname);

const details = {
  approval_denied: 'A person said no. Nothing was sent.',
  approval_not_found: 'Nothing was sent. Ask again, without a handle.',
  approval_mismatch:
    'Request, values, their rules, agent or run are not those that the question named. Nothing was sent.',
  approval_used: 'Nothing was sent. Ask again, without a handle.',
  approval_pending: 'Another request with this approval is running. Nothing was sent.',
  approval_uncertain: 'The host may have acted. Nothing was sent now. Look there before you ask again.',
  approval_expired: 'Nothing was sent. Ask again, without a handle.',
  approver_unavailable: 'The directory does not list this broker any more. Nothing was sent.',
} as const;

const over = (code: keyof typeof details): VaultError => new VaultError(code, { detail: details[code] });

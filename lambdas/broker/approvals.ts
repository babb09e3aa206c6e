/** Uses that a person must allow (docs/approvals.md): what is asked about one request of the broker. */
import { ruleEntries } from '../../contract/broker/usage-rules.ts';
import type { FetchRequest, PendingFetch } from '../../contract/broker/wire.ts';
import { hostOf } from '../../core/approvals/shown-request.ts';
import { rulesHash, type UsedValue, type UsePlace } from '../../core/approvals/statement.ts';
import { referenceKey } from '../../egress/references/secret-references.ts';
import { type ApprovalRule, ruleForPath } from '../../egress/rules/approval-rules.ts';
import type { AllowedUse, ApprovalGate } from '../approvals/approval-gate.ts';
import type { AskedUse } from '../approvals/asked-use.ts';
import type { QuestionService } from '../approvals/question-service.ts';
import type { LoadedValues } from './loaded-values.ts';
import type { PreparedFetch } from './prepared-fetch.ts';
import { requestSecrets } from './request-secrets.ts';
import { askedShares } from './sealed-values.ts';
import type { UseContext } from './use-context.ts';

export class UseApprovals {
  readonly #questions: Pick<QuestionService, 'ask'>;
  readonly #gate: Pick<ApprovalGate, 'enter'>;

  constructor(questions: Pick<QuestionService, 'ask'>, gate: Pick<ApprovalGate, 'enter'>) {
    this.#questions = questions;
    this.#gate = gate;
  }

  /**
   * Asks, or looks for the answer.
   * @returns the allowed use, which was counted; or the answer with status 202
   * @throws VaultError of docs/approvals.md, section 6; UseRefusal
   */
  async decide(
    context: UseContext,
    request: FetchRequest,
    prepared: PreparedFetch,
    loaded: LoadedValues,
    rule: ApprovalRule,
  ): Promise<AllowedUse | PendingFetch> {
    const use = askedUseOf(context, request, prepared, loaded, rule);
    const { approval } = request;
    return approval !== undefined && 'id' in approval
      ? await this.#gate.enter(use, approval)
      : await this.#questions.ask(use);
  }
}

function askedUseOf(
  { org, keyId, login, agent, run, keys }: UseContext,
  request: FetchRequest,
  { draft, method, uses }: PreparedFetch,
  loaded: LoadedValues,
  rule: ApprovalRule,
): AskedUse {
  const { url, headers, query, auth, body, bodyBase64, form, json, approval } = request;
  return {
    ...{ org, rule: ruleForPath(rule, draft.url.pathname), keyId, login, agent, run, method },
    request: { url, method, headers, query, auth, body, bodyBase64, form, json },
    reason: approval?.reason ?? '',
    host: hostOf(draft.url.href) ?? '',
    pathname: draft.url.pathname,
    values: usedValues(uses, loaded),
    shares: askedShares(loaded, rule),
    secrets: requestSecrets(keys),
  };
}

/** Each version of each value once, with its places. */
function usedValues(uses: PreparedFetch['uses'], loaded: LoadedValues): UsedValue[] {
  const found = new Map<string, UsedValue>();
  for (const { reference, part } of uses) {
    const value = loaded.get(referenceKey(reference));
    if (value === undefined) continue;
    const { name } = reference;
    const { version, metadata } = value.info;
    const key = referenceKey({ name, version });
    const places: readonly UsePlace[] = [...(found.get(key)?.places ?? []), part];
    found.set(key, { name, version, places, rulesHash: rulesHash(ruleEntries(metadata)) });
  }
  return [...found.values()];
}

/** Rules that a person must allow a use (docs/approvals.md, section 1). */
import { approvalLimits } from '../../contract/approvals/limits.ts';
import { usageRuleKeys } from '../../contract/broker/usage-rules.ts';
import { UseRefusal } from '../refusals/use-refusal.ts';
import { InvalidUsageRuleError } from './invalid-usage-rule.ts';
import { allowsPath, parsePaths } from './use-limits.ts';

/** How many requests one approval covers. */
export type ApprovalExtent =
  | { readonly kind: 'each' }
  /** `path` is a pattern as in `allowed_paths`. */
  | { readonly kind: 'run' | 'time'; readonly uses: number; readonly path: string };

export interface ApprovalRule {
  /** Id of the person in the directory. */
  readonly approver: string;
  readonly extent: ApprovalExtent;
}

const { approver: approverKey, approval: approvalKey } = usageRuleKeys;
const extentPattern = /^(run|time) ([1-9][0-9]{0,3}) ([^\s,]+)$/;

/** @returns undefined if the metadata demands no approval @throws InvalidUsageRuleError */
export function parseApprovalRule(metadata: Readonly<Record<string, string>>): ApprovalRule | undefined {
  const [approver, extent] = [metadata[approverKey], metadata[approvalKey]];
  if (approver === undefined) {
    if (extent === undefined) return undefined;
    throw new InvalidUsageRuleError(`there is ${approvalKey} without ${approverKey}`);
  }
  if (!/^[0-9a-z]{16}$/.test(approver))
    throw new InvalidUsageRuleError(`${approverKey} is not the id of a person: 16 characters of 0-9 a-z`);
  return { approver, extent: extent === undefined ? { kind: 'each' } : parseExtent(extent) };
}

function parseExtent(text: string): ApprovalExtent {
  const words = text.trim().split(/\s+/).join(' ');
  if (words === 'each') return { kind: 'each' };
  const [, kind, uses, path = ''] = extentPattern.exec(words) ?? [];
  if ((kind !== 'run' && kind !== 'time') || Number(uses) > approvalLimits.uses) {
    throw new InvalidUsageRuleError(
      `${approvalKey} is not each, or run or time with a number of uses up to ${approvalLimits.uses} and a path: run 20 /v1/**`,
    );
  }
  // The pattern is checked here. It is used as text, because devices show it.
  parsePaths(path, approvalKey);
  return { kind, uses: Number(uses), path };
}

/**
 * The rule for one request. An approval of a run or of a time is not for a request that it would not cover: what the person
 * reads would not be what they allow.
 */
export const ruleForPath = (rule: ApprovalRule, pathname: string): ApprovalRule => {
  const { extent } = rule;
  const covers = extent.kind === 'each' || allowsPath(parsePaths(extent.path, approvalKey) ?? [], pathname);
  return covers ? rule : { ...rule, extent: { kind: 'each' } };
};

/**
 * What several values demand together: the approval of one person, for as much as all of them allow.
 * @returns undefined if none demands an approval
 * @throws UseRefusal if they name different persons
 */
export function combineApprovalRules(rules: readonly (ApprovalRule | undefined)[]): ApprovalRule | undefined {
  const demanded = rules.filter((rule) => rule !== undefined);
  const [first] = demanded;
  if (first === undefined) return undefined;
  const { approver } = first;
  if (demanded.some((rule) => rule.approver !== approver))
    throw new UseRefusal('The values of this request need approvals of different persons', 'use_refused');
  return { approver, extent: demanded.map(({ extent }) => extent).reduce(narrower) };
}

function narrower(a: ApprovalExtent, b: ApprovalExtent): ApprovalExtent {
  if (a.kind === 'each' || b.kind === 'each' || a.kind !== b.kind || a.path !== b.path) return { kind: 'each' };
  return a.uses <= b.uses ? a : b;
}

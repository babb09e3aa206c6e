/** Questions: made by the broker, opened and judged by a device (docs/format-approvals.md, section 2). */
import type { HeadRelation } from '../directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../directory/directory-state.ts';
import { type Bytes, encodeFieldBytes, equalBytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, fieldOfLength } from '../encoding/field-reader.ts';
import { type Ed25519KeyPair, ed25519SignatureLength, signEd25519 } from '../hazmat/ed25519.ts';
import { openHpke, sealHpke } from '../hazmat/hpke.ts';
import { type ApprovalKey, brokersOf, findApprover } from './approval-keys.ts';
import { type AskedShare, areSharesOf, encodeAskedShares, parseAskedShares } from './asked-shares.ts';
import { approvalClockToleranceMs, maxQuestionBytes } from './limits.ts';
import { authHash, detailsHash, hostOf, parseDetails, type QuestionDetails } from './shown-request.ts';
import { isSignedBy, type SignedStatement } from './signed-statement.ts';
import { type ApprovalStatement, encodeStatement, parseStatement } from './statement.ts';

/** Signs a statement. @throws RangeError for a statement that no device accepts */
export function signStatement(statement: ApprovalStatement, broker: Ed25519KeyPair): SignedStatement {
  const bytes = encodeStatement(statement);
  return { statement: bytes, signature: signEd25519(broker.seed, bytes) };
}

const questionInfo = (org: string, device: string, approval: string): Bytes =>
  encodeFieldBytes('anima:approval-question:v1', org, device, approval);

/**
 * Seals a question for one device.
 * @param key the verified key of the device
 * @param details bytes of which the statement has the hash
 * @param shares of values of custody `approval`, which the device opens
 * @throws RangeError for a question that is too large
 */
export async function sealQuestion(
  { org, approval }: Pick<ApprovalStatement, 'org' | 'approval'>,
  key: ApprovalKey,
  { statement, signature }: SignedStatement,
  details: Uint8Array,
  shares: readonly AskedShare[] = [],
): Promise<Bytes> {
  const text = encodeFieldBytes(statement, signature, details, encodeAskedShares(shares));
  const sealed = await sealHpke(key.ak, questionInfo(org, key.device, approval), text);
  if (sealed.length > maxQuestionBytes) throw new RangeError('the question is too large');
  return sealed;
}

/** A question that a device opened. Nothing is believed of it before {@link judgeQuestion}. */
export interface OpenedQuestion extends SignedStatement, QuestionDetails {
  readonly facts: ApprovalStatement;
  readonly details: Bytes;
  readonly shares: readonly AskedShare[];
}

/**
 * Opens a question.
 * @param secret of the device's approval key
 * @returns undefined if it does not open or does not have the documented form
 */
export async function openQuestion(
  { org, device, approval }: { readonly org: string; readonly device: string; readonly approval: string },
  secret: Uint8Array,
  sealed: Uint8Array,
): Promise<OpenedQuestion | undefined> {
  if (sealed.length > maxQuestionBytes) return undefined;
  const text = await openHpke(secret, questionInfo(org, device, approval), sealed).catch(() => undefined);
  const [statement, mark, details, asked, ...others] = (text && decodeFieldBytes(text)) ?? [];
  const signature = fieldOfLength(mark, ed25519SignatureLength);
  if (statement === undefined || signature === undefined || details === undefined || others.length > 0)
    return undefined;
  const [facts, shown, shares] = [parseStatement(statement), parseDetails(details), parseAskedShares(asked)];
  if (facts?.org !== org || facts.approval !== approval || shown === undefined || shares === undefined)
    return undefined;
  return { statement, signature, details, facts, shares, ...shown };
}

/**
 * Why a device shows no question. `directory_behind` is no refusal: the device reads the directory and judges again.
 * `directory_forked` is a second directory, for which the device stops altogether. `directory_unknown`: the question names an
 * entry from before those whose hashes the device has, which no honest broker names.
 */
export type QuestionRefusal =
  | 'directory_behind'
  | 'directory_forked'
  | 'directory_unknown'
  | 'other_person'
  | 'unknown_broker'
  | 'bad_signature'
  | 'other_details'
  | 'other_shares'
  | 'clock'
  | 'expired';

/** What a device knows when it judges a question. */
export interface QuestionContext {
  /** The verified directory of the device. */
  readonly state: DirectoryState;
  readonly device: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How a head relates to the chain of the device (core/directory/directory-pin.ts, compareHeads). */
  relationOf(head: DirectoryHead): HeadRelation;
}

/** Judges an opened question in the order of section 2. @returns undefined if it may be shown */
export function judgeQuestion(question: OpenedQuestion, context: QuestionContext): QuestionRefusal | undefined {
  const { facts } = question;
  const { state, device, now } = context;
  const relation = context.relationOf(facts.head);
  if (relation === 'ahead') return 'directory_behind';
  if (relation === 'forked') return 'directory_forked';
  if (relation === 'older') return 'directory_unknown';
  const approver = findApprover(state, device, now);
  if (approver?.person !== facts.person || state.org !== facts.org) return 'other_person';
  const brokers = brokersOf(state, facts.person);
  if (brokers.length === 0) return 'unknown_broker';
  if (!brokers.some(({ ik }) => isSignedBy(ik, question))) return 'bad_signature';
  return judgeDetails(question) ?? judgeTime(facts, now);
}

function judgeDetails({ facts, details, request, shares }: OpenedQuestion): QuestionRefusal | undefined {
  const isShown =
    equalBytes(detailsHash(details), facts.detailsHash) &&
    hostOf(request.url) === facts.host &&
    request.method === facts.method &&
    (facts.scope.kind === 'once' || isSameHash(facts.scope.authHash, authHash(request)));
  if (!isShown) return 'other_details';
  return areSharesOf(facts, shares) ? undefined : 'other_shares';
}

const isSameHash = (a: Bytes | undefined, b: Bytes | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalBytes(a, b);

function judgeTime({ asked, expires }: ApprovalStatement, now: number): QuestionRefusal | undefined {
  if (asked > now + approvalClockToleranceMs) return 'clock';
  return now < expires ? undefined : 'expired';
}

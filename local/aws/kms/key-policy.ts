/**
 * The Deny statements of a key policy. They apply to every principal, so the emulator enforces them. Allow statements
 * only delegate to IAM, which the emulator does not evaluate; only their effect is read. An unsupported element in a
 * Deny statement is an error at start, because skipping it would weaken the policy.
 * Source: KMS developer guide, "Condition keys".
 */
import { z } from 'zod';
import {
  type ConditionKeyReader,
  compileConditions,
  conditionSchema,
  matchesAny,
  oneOrMany,
} from '../iam/policy-conditions.ts';
import { account, iamArn } from '../shared/aws-account.ts';
import { LocalError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import type { EncryptionContext } from './ciphertext-blob.ts';

export interface KmsRequest {
  /** E.g. `kms:Decrypt`. */
  readonly action: string;
  readonly principalArn: string;
  readonly encryptionContext: EncryptionContext;
}

/** Whether a policy denies the request. */
export type DenyPredicate = (request: KmsRequest) => boolean;

const statementSchema = z.object({ Effect: z.enum(['Allow', 'Deny']) });
const denySchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.literal('Deny'),
  Principal: z.union([
    z.literal('*').transform(() => ['*']),
    z.strictObject({ AWS: oneOrMany }).transform(({ AWS }) => AWS),
  ]),
  Action: oneOrMany,
  Resource: z.union([z.literal('*'), z.array(z.literal('*'))]),
  Condition: conditionSchema,
});
type DenyStatement = z.infer<typeof denySchema>;

const contextPrefix = 'kms:EncryptionContext:';
const conditionKeys: Record<string, ConditionKeyReader<KmsRequest>> = {
  'kms:EncryptionContextKeys': ({ encryptionContext }) => {
    const keys = Object.keys(encryptionContext);
    return keys.length > 0 ? keys : undefined;
  },
  'kms:CallerAccount': () => [account.id],
  'kms:ViaService': () => undefined,
  'aws:PrincipalArn': ({ principalArn }) => [principalArn],
  'aws:PrincipalAccount': () => [account.id],
};

/** Throws a LocalError for a Deny statement that cannot be fully enforced. @param keyName used only in the error */
export function compileKeyPolicy(policy: unknown, keyName: string): DenyPredicate {
  const document = z.object({ Statement: z.array(z.unknown()) }).safeParse(policy);
  if (!document.success) throw unknownPolicy(keyName, firstIssue(document.error));
  const denials = document.data.Statement.flatMap((statement): DenyPredicate[] => {
    const effect = statementSchema.safeParse(statement);
    if (!effect.success) throw unknownPolicy(keyName, firstIssue(effect.error));
    if (effect.data.Effect === 'Allow') return [];
    const deny = denySchema.safeParse(statement);
    if (!deny.success) throw unknownPolicy(keyName, firstIssue(deny.error));
    return [compileStatement(deny.data, keyName)];
  });
  return (request) => denials.some((denies) => denies(request));
}

function compileStatement({ Principal, Action, Condition }: DenyStatement, keyName: string): DenyPredicate {
  const holds = compileConditions(Condition, conditionKeyReader, (what) => unknownPolicy(keyName, what));
  return (request) =>
    matchesAny(Action, request.action) &&
    Principal.some((principal) => matchesPrincipal(principal, request.principalArn)) &&
    holds(request);
}

function conditionKeyReader(key: string): ConditionKeyReader<KmsRequest> | undefined {
  if (!key.startsWith(contextPrefix)) return conditionKeys[key];
  const name = key.slice(contextPrefix.length);
  return ({ encryptionContext }) => {
    const value = Object.hasOwn(encryptionContext, name) ? encryptionContext[name] : undefined;
    return value === undefined ? undefined : [value];
  };
}

const matchesPrincipal = (principal: string, callerArn: string): boolean =>
  principal === '*' || principal === account.id || principal === iamArn('root') || principal === callerArn;

const unknownPolicy = (keyName: string, what: string) =>
  new LocalError(
    `The key policy of ${keyName} has a Deny statement that this emulator does not support (${what}). Nothing was started, ` +
      `because the statement would not be enforced. Add support for it to local/aws/kms/key-policy.ts.`,
  );

/**
 * The Deny statements of a key policy. They bind everyone, so they are honoured here; Allow statements only delegate to
 * IAM, which the local vault does not evaluate, and are read no further than to know that they are that.
 * Whatever a Deny says that is not understood is an error at start: a guard that is skipped is no guard.
 * Source: IAM user guide, "JSON policy elements: Condition operators"; KMS developer guide, "Condition keys".
 */
import { z } from 'zod';
import { account, iamArn } from './account.ts';
import { LocalError } from './errors.ts';
import { firstIssue } from './json.ts';
import type { EncryptionContext } from './kms-blob.ts';

export interface KmsRequest {
  /** E.g. `kms:Decrypt`. */
  readonly action: string;
  readonly principalArn: string;
  readonly encryptionContext: EncryptionContext;
}

/** Whether a policy denies the request. */
export type Denies = (request: KmsRequest) => boolean;

const oneOrMany = z
  .union([z.string(), z.boolean(), z.array(z.string())])
  .transform((value) => [value].flat().map(String));
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
  Condition: z.record(z.string(), z.record(z.string(), oneOrMany)).default({}),
});
type DenyStatement = z.infer<typeof denySchema>;

/** `present` is undefined when the request has no such key. */
type Operator = (present: readonly string[] | undefined, wanted: readonly string[]) => boolean;

const operators: Record<string, Operator> = {
  Null: (present, wanted) => wanted.includes(String(present === undefined)),
  StringEquals: (present, wanted) => present?.some((value) => wanted.includes(value)) ?? false,
  StringNotEquals: (present, wanted) => !(present?.some((value) => wanted.includes(value)) ?? false),
  StringLike: (present, wanted) => present?.some((value) => matchesAny(wanted, value)) ?? false,
  StringNotLike: (present, wanted) => !(present?.some((value) => matchesAny(wanted, value)) ?? false),
  'ForAnyValue:StringEquals': (present, wanted) => present?.some((value) => wanted.includes(value)) ?? false,
  'ForAnyValue:StringNotEquals': (present, wanted) => present?.some((value) => !wanted.includes(value)) ?? false,
  'ForAllValues:StringEquals': (present, wanted) => present?.every((value) => wanted.includes(value)) ?? true,
  'ForAllValues:StringNotEquals': (present, wanted) => present?.every((value) => !wanted.includes(value)) ?? true,
};

const contextPrefix = 'kms:EncryptionContext:';
const conditionKeys: Record<string, (request: KmsRequest) => readonly string[] | undefined> = {
  'kms:EncryptionContextKeys': ({ encryptionContext }) => {
    const keys = Object.keys(encryptionContext);
    return keys.length > 0 ? keys : undefined;
  },
  'kms:CallerAccount': () => [account.id],
  'kms:ViaService': () => undefined,
  'aws:PrincipalArn': ({ principalArn }) => [principalArn],
  'aws:PrincipalAccount': () => [account.id],
};

/** `keyName` is for the error only. Throws a LocalError for a Deny that can't be honoured in full. */
export function compileKeyPolicy(policy: unknown, keyName: string): Denies {
  const document = z.object({ Statement: z.array(z.unknown()) }).safeParse(policy);
  if (!document.success) throw unknownPolicy(keyName, firstIssue(document.error));
  const denials = document.data.Statement.flatMap((statement): Denies[] => {
    const effect = statementSchema.safeParse(statement);
    if (!effect.success) throw unknownPolicy(keyName, firstIssue(effect.error));
    if (effect.data.Effect === 'Allow') return [];
    const deny = denySchema.safeParse(statement);
    if (!deny.success) throw unknownPolicy(keyName, firstIssue(deny.error));
    return [compileStatement(deny.data, keyName)];
  });
  return (request) => denials.some((denies) => denies(request));
}

function compileStatement({ Principal, Action, Condition }: DenyStatement, keyName: string): Denies {
  const conditions = Object.entries(Condition).flatMap(([operatorName, tests]) => {
    const operator = operators[operatorName];
    if (operator === undefined) throw unknownPolicy(keyName, `condition operator ${operatorName}`);
    return Object.entries(tests).map(([key, wanted]): Denies => {
      const read = readerOf(key, keyName);
      return (request) => operator(read(request), wanted);
    });
  });
  return (request) =>
    matchesAny(Action, request.action) &&
    Principal.some((principal) => coversPrincipal(principal, request.principalArn)) &&
    conditions.every((holds) => holds(request));
}

function readerOf(key: string, keyName: string): (request: KmsRequest) => readonly string[] | undefined {
  if (key.startsWith(contextPrefix)) {
    const name = key.slice(contextPrefix.length);
    return ({ encryptionContext }) => {
      const value = Object.hasOwn(encryptionContext, name) ? encryptionContext[name] : undefined;
      return value === undefined ? undefined : [value];
    };
  }
  const reader = conditionKeys[key];
  if (reader === undefined) throw unknownPolicy(keyName, `condition key ${key}`);
  return reader;
}

const coversPrincipal = (principal: string, callerArn: string): boolean =>
  principal === '*' || principal === account.id || principal === iamArn('root') || principal === callerArn;

const matchesAny = (patterns: readonly string[], value: string): boolean =>
  patterns.some((pattern) => {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, 's').test(value);
  });

const unknownPolicy = (keyName: string, what: string) =>
  new LocalError(
    `The key policy of ${keyName} denies by something the local vault does not know (${what}). Nothing was started, ` +
      `since the denial could not be honoured. Teach it to local/kms-policy.ts.`,
  );

/**
 * Evaluates whether a caller is allowed to assume a role. Both the caller's policies and the role's trust policy must
 * allow it. Only statements on `sts:…` are evaluated; tests evaluate all other statements in the `authorize` hook.
 * Source: IAM user guide, "Pass session tags in AWS STS" and "Policy evaluation logic".
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

export interface AssumeRequest {
  readonly callerArn: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** The requested session tags. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Whether a policy has an Allow statement and no Deny statement for an action, e.g. `sts:AssumeRole`. */
type Allows = (action: string, request: AssumeRequest) => boolean;

const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: oneOrMany.optional(),
  Principal: z.union([z.literal('*').transform(() => ({ AWS: ['*'] })), z.record(z.string(), oneOrMany)]).optional(),
  Condition: conditionSchema,
});
type Statement = z.infer<typeof statementSchema>;

const tagPrefix = 'aws:RequestTag/';
const conditionKeyReaders: Record<string, ConditionKeyReader<AssumeRequest>> = {
  'aws:PrincipalArn': ({ callerArn }) => [callerArn],
  'aws:PrincipalAccount': () => [account.id],
  'aws:TagKeys': ({ tags }) => (Object.keys(tags).length > 0 ? Object.keys(tags) : undefined),
  'sts:RoleSessionName': ({ sessionName }) => [sessionName],
};

const conditionKeyReader = (key: string): ConditionKeyReader<AssumeRequest> | undefined => {
  if (!key.startsWith(tagPrefix)) return conditionKeyReaders[key];
  const name = key.slice(tagPrefix.length);
  return ({ tags }) => {
    const value = Object.hasOwn(tags, name) ? tags[name] : undefined;
    return value === undefined ? undefined : [value];
  };
};

/** Compiles an identity policy, whose resources are roles. @param owner used only in errors */
export const compileIdentityPolicy = (statements: readonly unknown[], owner: string): Allows =>
  compile(statements, owner, ({ Resource = [] }, { roleArn }) => matchesAny(Resource, roleArn));

/** Compiles a role's trust policy, which names the principals that are allowed to assume the role. */
export const compileTrustPolicy = (statements: readonly unknown[], owner: string): Allows =>
  compile(statements, owner, ({ Principal }, { callerArn }) =>
    (Principal?.AWS ?? []).some((one) => ['*', account.id, iamArn('root'), callerArn].includes(one)),
  );

function compile(
  statements: readonly unknown[],
  owner: string,
  concerns: (statement: Statement, request: AssumeRequest) => boolean,
): Allows {
  const compiled = statements.filter(concernsSts).map((statement) => {
    const parsed = statementSchema.safeParse(statement);
    if (!parsed.success) throw unknownPolicy(owner, firstIssue(parsed.error));
    const { Effect, Action, Condition } = parsed.data;
    const holds = compileConditions(Condition, conditionKeyReader, (what) => unknownPolicy(owner, what));
    const applies: Allows = (action, request) =>
      matchesAny(Action, action) && concerns(parsed.data, request) && holds(request);
    return { denies: Effect === 'Deny', applies };
  });
  return (action, request) => {
    const applying = compiled.filter(({ applies }) => applies(action, request));
    return applying.length > 0 && !applying.some(({ denies }) => denies);
  };
}

const actionsSchema = z.object({ Action: oneOrMany });

function concernsSts(statement: unknown): boolean {
  const parsed = actionsSchema.safeParse(statement);
  return !parsed.success || parsed.data.Action.some((action) => action === '*' || action.startsWith('sts:'));
}

const unknownPolicy = (owner: string, what: string) =>
  new LocalError(
    `The policy of ${owner} has an sts statement that this emulator does not support (${what}). Nothing was started. ` +
      `Add support for it to local/aws/sts/assume-role-policies.ts.`,
  );

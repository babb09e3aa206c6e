/**
 * Who may assume a role: the statements on `sts:…` of the caller's own policies and of the role's trust policy, both
 * of which must allow it. What else policies say is not evaluated here: tests do that by the `authorize` hook.
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
  /** Tags asked for. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Whether a policy has an allowing and no denying statement for an action, e.g. `sts:AssumeRole`. */
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

/** A policy of an identity: its resources are roles. `owner` is for the error only. */
export const compileIdentityPolicy = (statements: readonly unknown[], owner: string): Allows =>
  compile(statements, owner, ({ Resource = [] }, { roleArn }) => matchesAny(Resource, roleArn));

/** A role's trust policy: it names who may assume that role. */
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
    `The policy of ${owner} speaks of sts in a way this emulator does not know (${what}). Nothing was started. ` +
      `Teach it to local/aws/sts/assume-role-policies.ts.`,
  );

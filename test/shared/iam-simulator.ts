/**
 * IAM's decision on one request, by the policies that were synthesized. The simulator ignores what it does not know in a
 * request without a word, and a condition that nobody looked at proves nothing: here that is an error.
 */
import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { Policies } from '../../local/aws/cloudformation/read-deployment.ts';
import { account } from '../../local/aws/shared/aws-account.ts';
import { isObject } from '../../local/aws/shared/json.ts';

export interface IamRequest {
  /** E.g. `dynamodb:GetItem`. */
  readonly action: string;
  /** ARN, or `*` for actions that concern no resource. */
  readonly resource: string;
  /** Condition keys of the service, e.g. `dynamodb:LeadingKeys`. */
  readonly context: Readonly<Record<string, string | string[]>>;
}

export interface IamCaller {
  /** ARN of the role. */
  readonly role: string;
  /** Session tags. */
  readonly tags: Readonly<Record<string, string>>;
}

export type Decision = 'Allowed' | 'ExplicitlyDenied' | 'ImplicitlyDenied';

/** Decides by the policies of the role and of the resource: table, key, or role to be assumed. */
export function decide(policies: Policies, caller: IamCaller, request: IamRequest): Promise<Decision> {
  const statements = policies.roles.find(({ roleArn }) => roleArn === caller.role)?.statements ?? [];
  return decideBy(statements, policies, caller, request);
}

/** As `decide`, for a caller with these statements as its identity policy. */
export async function decideBy(
  statements: readonly unknown[],
  policies: Policies,
  { role, tags }: IamCaller,
  { action, resource, context }: IamRequest,
): Promise<Decision> {
  const trust = policies.roles.find(({ roleArn }) => roleArn === resource)?.trust;
  const holder = resource.replace(/\/index\/[^/]*$/, '').replace(/^(arn:aws:s3:::[^/]+)\/.*$/, '$1');
  const resourceStatements = trust ?? policies.resources.get(holder) ?? [];
  // What no statement could allow is denied, whatever else there is (IAM user guide, "Policy evaluation logic"); asking the simulator
  // for it takes a second a thousand.
  if (![...statements, ...resourceStatements].some((one) => mayAllow(one, action))) return 'ImplicitlyDenied';
  const contextVariables: Record<string, string | string[]> = {
    'aws:PrincipalArn': role,
    'aws:PrincipalAccount': account.id,
    // At AWS every call of a function is; here none is, and the policies of buckets deny what comes without.
    'aws:SecureTransport': 'true',
    ...prefixed('aws:PrincipalTag/', tags),
    ...known(context),
  };
  const result = await runSimulation(
    {
      request: {
        principal: role.replace(/^arn:aws:iam::(\d+):role\/(.*)$/, 'arn:aws:sts::$1:assumed-role/$2/session'),
        action,
        resource: { resource, accountId: account.id },
        contextVariables,
      },
      identityPolicies: statements.length === 0 ? [] : [{ name: 'identity', policy: document(statements) }],
      ...(resourceStatements.length === 0 ? {} : { resourcePolicy: document(resourceStatements) }),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    { simulationMode: 'Strict' },
  );
  if (result.resultType !== 'single') throw new Error(`${action} on ${resource}: ${JSON.stringify(result)}`);
  const ignored = result.result.ignoredContextKeys ?? [];
  if (ignored.length > 0) throw new Error(`${action} on ${resource}: ${ignored.join()} was ignored`);
  return result.overallResult;
}

/** Whether a statement could allow an action: it names it, in whatever case, or has a pattern, or names what it does not concern. */
function mayAllow(statement: unknown, action: string): boolean {
  if (!isObject(statement)) return true;
  const { Effect, Action: named } = statement;
  if (Effect === 'Deny') return false;
  if (named === undefined) return true;
  return [named]
    .flat()
    .some((one) => typeof one !== 'string' || /[*?]/.test(one) || one.toLowerCase() === action.toLowerCase());
}

const document = (statements: readonly unknown[]) => ({
  Version: '2012-10-17',
  Statement: known([...statements]),
});

const prefixed = (prefix: string, entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));

const unknownPrefix = 'kms:EncryptionContext:';
const knownPrefix = 'aws:RequestTag/';

/** A copy with every `kms:EncryptionContext:x`, which the simulator ignores, as a key that it compares all the same. */
function known<T>(value: T): T {
  const copy = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(copy);
    if (!isObject(part)) return part;
    const entries = Object.entries(part).map(([key, item]) => [key.replace(unknownPrefix, knownPrefix), copy(item)]);
    return Object.fromEntries(entries);
  };
  // The copy differs from the original in the names of keys alone.
  return copy(value) as T;
}

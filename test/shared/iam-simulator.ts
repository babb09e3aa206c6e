/**
 * Simulates the IAM decision on a request with the synthesized policies. The simulator silently ignores unknown
 * condition keys in a request. Here, such a key is an error, because an ignored condition would not be tested.
 */
import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { Policies } from '../../local/aws/cloudformation/read-deployment.ts';
import { account } from '../../local/aws/shared/aws-account.ts';
import { isObject } from '../../local/aws/shared/json.ts';

export interface IamRequest {
  /** E.g. `dynamodb:GetItem`. */
  readonly action: string;
  /** ARN, or `*` for an action without a resource. */
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

/** Decides with the policies of the role and of the resource: the table, the key, or the role to assume. */
export function decide(policies: Policies, caller: IamCaller, request: IamRequest): Promise<Decision> {
  const statements = policies.roles.find(({ roleArn }) => roleArn === caller.role)?.statements ?? [];
  return decideBy(statements, policies, caller, request);
}

/** Like `decide`, for a caller with these statements as identity policy. */
export async function decideBy(
  allStatements: readonly unknown[],
  policies: Policies,
  { role, tags }: IamCaller,
  { action, resource, context }: IamRequest,
): Promise<Decision> {
  const trust = policies.roles.find(({ roleArn }) => roleArn === resource)?.trust;
  const holder = resource.replace(/\/index\/[^/]*$/, '').replace(/^(arn:aws:s3:::[^/]+)\/.*$/, '$1');
  // A statement about other actions or resources changes no decision (IAM user guide, "Policy evaluation logic"). Leaving
  // it out saves time: the simulator validates every statement for each decision.
  const concerned = (all: readonly unknown[]) =>
    all.filter((one) => concernsAction(one, action) && concernsResource(one, resource));
  const statements = concerned(allStatements);
  const resourceStatements = concerned(trust ?? policies.resources.get(holder) ?? []);
  if (![...statements, ...resourceStatements].some((one) => isObject(one) && one.Effect !== 'Deny'))
    return 'ImplicitlyDenied';
  const contextVariables: Record<string, string | string[]> = {
    'aws:PrincipalArn': role,
    'aws:PrincipalAccount': account.id,
    // On AWS, functions always use TLS. Here they do not, and bucket policies deny requests without TLS.
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

/** Whether a statement can concern an action: it names the action in any case, or has a pattern, or uses NotAction. */
function concernsAction(statement: unknown, action: string): boolean {
  if (!isObject(statement)) return true;
  const { Action: named } = statement;
  if (named === undefined) return true;
  return [named]
    .flat()
    .some((one) => typeof one !== 'string' || /[*?]/.test(one) || one.toLowerCase() === action.toLowerCase());
}

/** Whether a statement can concern a resource: it names the resource, or has a pattern or variable, or no `Resource`. */
function concernsResource(statement: unknown, resource: string): boolean {
  if (!isObject(statement)) return true;
  const { Resource: named } = statement;
  if (named === undefined) return true;
  return [named].flat().some((one) => typeof one !== 'string' || /[*?$]/.test(one) || one === resource);
}

const document = (statements: readonly unknown[]) => ({
  Version: '2012-10-17',
  Statement: known([...statements]),
});

const prefixed = (prefix: string, entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));

const unknownPrefix = 'kms:EncryptionContext:';
const knownPrefix = 'aws:RequestTag/';

/**
 * Renames `kms:EncryptionContext:x` in a copy, because the simulator ignores these keys but compares the renamed ones.
 */
function known<T>(value: T): T {
  const copy = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(copy);
    if (!isObject(part)) return part;
    const entries = Object.entries(part).map(([key, item]) => [key.replace(unknownPrefix, knownPrefix), copy(item)]);
    return Object.fromEntries(entries);
  };
  // The copy differs from the original only in the names of keys.
  return copy(value) as T;
}

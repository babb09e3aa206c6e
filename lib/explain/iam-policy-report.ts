import { type CfnElement, CfnResource, Lazy, type Stack } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import type { VaultFunctions } from '../shared/vault-functions.ts';

/** Names of the resources whose permissions `explain` evaluates (lambdas/explain), by construct path. */
const resourceWords: Readonly<Record<string, string>> = {
  Kek: 'kek',
  Values: 'value',
  'UserCustody/Keyrings': 'userKeyring',
  'UserCustody/Records': 'userRecord',
  'UserCustody/Opening': 'custodyKey',
  'UserCustody/Code': 'codeKey',
  'Responder/Function': 'responder',
};

/** `{ <resource>: { <action>: [<entry>, …] } }`, sorted ascending at every level. */
type PolicyReport = Record<string, Record<string, string[]>>;

/**
 * The permissions of each function as JSON, for `explain`. They are read from the synthesized policies of the
 * functions' roles, not from the grants in the code, so that the report cannot differ from the policies. The report is
 * an environment variable, and Lambda limits the environment to 4 KB.
 */
export const iamPolicyReport = (stack: Stack, functions: VaultFunctions): string =>
  Lazy.string({ produce: () => JSON.stringify(buildReport(stack, functions)) });

const buildReport = (stack: Stack, functions: VaultFunctions): PolicyReport => {
  const entries = new Map(Object.entries(functions).flatMap(([entry, fn]) => (fn ? [[fn.node.id, entry]] : [])));
  const resources = stack.node.findAll().filter((construct) => CfnResource.isCfnResource(construct));
  const paths = new Map(resources.map((one) => [logicalIdOf(stack, one), one.node.path.split('/').slice(1)]));
  const wordOf = (resource: unknown): string | undefined => {
    const [first = '', second = ''] = paths.get(referencedLogicalId(resource) ?? '') ?? [];
    return resourceWords[`${first}/${second}`] ?? resourceWords[first];
  };
  const found = resources
    .filter((one) => one instanceof CfnPolicy)
    .flatMap((policy) => {
      const [role] = stack.resolve(policy.roles) ?? [];
      const entry = entries.get(paths.get(referencedLogicalId(role) ?? '')?.[0] ?? '');
      const { Statement }: { Statement: Statement[] } = stack.resolve(policy.policyDocument);
      return entry === undefined ? [] : Statement.flatMap((statement) => toRows(statement, wordOf, entry));
    });
  return groupRows(found.toSorted((a, b) => (a.join() < b.join() ? -1 : 1)));
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

type Row = readonly [word: string, action: string, entry: string];

const toRows = (
  { Effect, Action, Resource }: Statement,
  wordOf: (resource: unknown) => string | undefined,
  entry: string,
): Row[] => {
  if (Effect !== 'Allow')
    throw new Error(
      `A policy of ${entry} has a Deny statement, which explain does not support. Nothing was synthesized.`,
    );
  const named = [Resource].flat().flatMap((resource) => wordOf(resource) ?? []);
  return named.flatMap((word) => [Action].flat().map((action): Row => [word, action, entry]));
};

const groupRows = (found: readonly Row[]): PolicyReport => {
  const grants: PolicyReport = {};
  for (const [word, action, entry] of found) {
    const actions = grants[word] ?? {};
    grants[word] = { ...actions, [action]: [...new Set([...(actions[action] ?? []), entry])] };
  }
  return grants;
};

const logicalIdOf = (stack: Stack, element: CfnElement): string => stack.resolve(element.logicalId);

/** The logical ID of a `Ref` or `Fn::GetAtt` anywhere in a resource value. */
const referencedLogicalId = (value: unknown): string | undefined =>
  /\{"(?:Ref":|Fn::GetAtt":\[)"([A-Za-z0-9]+)"/.exec(JSON.stringify(value) ?? '')?.[1];

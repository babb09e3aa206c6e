import { type CfnElement, CfnResource, Lazy, type Stack } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import type { VaultFunctions } from '../shared/vault-functions.ts';

/** What opens data, holds it, or hands it on: words by the path of their constructs. */
const resourceWords: Readonly<Record<string, string>> = {
  Kek: 'kek',
  Values: 'value',
  BlobObjects: 'object',
  'UserCustody/Keyrings': 'userKeyring',
  'UserCustody/Records': 'userRecord',
  'UserCustody/Opening': 'custodyKey',
  'UserCustody/Code': 'codeKey',
  'UserCustody/Routing': 'routingKey',
  'UserCustody/Transit': 'transitKey',
  'UserCustody/Jobs': 'job',
  'ProviderSecrets/Function': 'provider-secrets',
  'Responder/Function': 'responder',
};

/** `{ <resource>: { <action>: [<entry>, …] } }`, all ascending. */
type PolicyReport = Record<string, Record<string, string[]>>;

/**
 * Which function may do what, as JSON, for `explain`: read from the policies of the functions' roles when the template is made, and
 * not from what grants them, so that it can't say other than they do. It fits into an environment, of which Lambda takes 4 KB.
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
  if (Effect !== 'Allow') throw new Error(`A policy of ${entry} denies, which explain does not know of.`);
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

/** Logical id that a `Ref` or `Fn::GetAtt` points at, wherever it stands in a resource. */
const referencedLogicalId = (value: unknown): string | undefined =>
  /\{"(?:Ref":|Fn::GetAtt":\[)"([A-Za-z0-9]+)"/.exec(JSON.stringify(value) ?? '')?.[1];

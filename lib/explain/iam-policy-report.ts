import { Lazy, Stack } from 'aws-cdk-lib';
import { itemReadingActions } from '../../contract/explain/item-reading-actions.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';

/**
 * `{ <resource>: { <action>: "<entry> <entry> …" } }`, sorted ascending at every level. Actions without a service are of
 * DynamoDB. Lists would take 150 bytes more.
 */
type PolicyReport = Record<string, Record<string, string>>;

/**
 * The permissions of each function as JSON, for `explain`. They are read from the synthesized policies of the
 * functions' roles, not from the grants in the code, so that the report cannot differ from the policies. The report is
 * an environment variable, and Lambda limits the environment to 4 KB.
 * @param resources ARNs of the resources whose permissions `explain` evaluates (lambdas/explain), by their names there
 */
export const iamPolicyReport = (resources: Readonly<Record<string, string>>, functions: VaultFunctions): string =>
  Lazy.string({ produce: () => JSON.stringify(buildReport(resources, functions)) });

const buildReport = (resources: Readonly<Record<string, string>>, functions: VaultFunctions): PolicyReport => {
  const { public: anyFunction } = functions;
  const stack = Stack.of(anyFunction);
  // The form of a reference depends on the stack that contains it, so both sides are resolved in the code stack.
  const references = Object.entries(resources).map(
    ([word, arn]) => [word, JSON.stringify(stack.resolve(arn))] as const,
  );
  const wordsOf = (resource: unknown): string[] => {
    const text = JSON.stringify(resource);
    return references.filter(([, reference]) => text.includes(reference)).map(([word]) => word);
  };
  const found = Object.entries(functions).flatMap(([entry, fn]) => {
    return (fn?.policies ?? []).flatMap((policy) => {
      const { Statement }: { Statement: Statement[] } = stack.resolve(policy);
      return Statement.flatMap((statement) => toRows(statement, wordsOf, entry));
    });
  });
  return groupRows(found.toSorted((a, b) => (a.join() < b.join() ? -1 : 1)));
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Whether `explain` evaluates an action. Who may only write a table cannot decrypt what it holds. */
const isEvaluated = (action: string): boolean => !action.startsWith('dynamodb:') || itemReadingActions.includes(action);

type Row = readonly [word: string, action: string, entry: string];

const toRows = (
  { Effect, Action, Resource, Condition }: Statement,
  wordsOf: (resource: unknown) => string[],
  entry: string,
): Row[] => {
  if (Effect !== 'Allow')
    throw new Error(
      `A policy of ${entry} has a Deny statement, which explain does not support. Nothing was synthesized.`,
    );
  if (readsOnlyNames(Condition)) return [];
  const named = [Resource].flat().flatMap(wordsOf);
  const actions = [Action].flat().filter(isEvaluated);
  // Most actions are those of tables. Without their prefix, the report fits.
  const short = actions.map((action) => action.replace(/^dynamodb:/, ''));
  return named.flatMap((word) => short.map((action): Row => [word, action, entry]));
};

/** Attributes that say that an item exists, and nothing of what it holds. */
const nameAttributes: readonly unknown[] = ['org', 'id', 'name', 'ttl'];

/** Whether a permission on items is limited to such attributes (table-grant.ts). */
const readsOnlyNames = (condition: Statement['Condition']): boolean => {
  const attributes = condition?.['ForAllValues:StringEquals']?.['dynamodb:Attributes'];
  return attributes !== undefined && [attributes].flat().every((name) => nameAttributes.includes(name));
};

const groupRows = (found: readonly Row[]): PolicyReport => {
  const grants: PolicyReport = {};
  for (const [word, action, entry] of found) {
    const actions = grants[word] ?? {};
    const entries = actions[action]?.split(' ') ?? [];
    grants[word] = { ...actions, [action]: [...new Set([...entries, entry])].join(' ') };
  }
  return grants;
};

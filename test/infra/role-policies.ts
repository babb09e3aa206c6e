import { type Synthesized, target } from './synthesized-template.ts';

interface AttachedPolicy {
  /** Logical ID of the role. */
  readonly role: string;
  readonly statements: readonly PolicyStatement[];
}

export interface PolicyStatement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** All policies of roles: those that are a part of the role, and those that are resources. */
export const policiesOf = ({ resources }: Pick<Synthesized, 'resources'>): AttachedPolicy[] => [
  ...resourcesOfType(resources, 'AWS::IAM::Role').flatMap(([role, { Properties }]) =>
    [Properties.Policies ?? []].flat().map((policy) => ({ role, statements: statementsIn(policy) })),
  ),
  ...resourcesOfType(resources, 'AWS::IAM::Policy').flatMap(([, { Properties }]) =>
    [Properties.Roles].flat().map((role) => ({ role: target(role), statements: statementsIn(Properties) })),
  ),
];

const statementsIn = (policy: unknown): readonly PolicyStatement[] => [Object(policy).PolicyDocument.Statement].flat();

const resourcesOfType = (resources: Synthesized['resources'], type: string) =>
  Object.entries(resources).filter(([, resource]) => resource.Type === type);

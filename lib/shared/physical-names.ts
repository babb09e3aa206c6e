import { createHash } from 'node:crypto';
import { Aws } from 'aws-cdk-lib';
import type { DeploymentSettings } from './deployment-settings.ts';

type Deployment = Pick<DeploymentSettings, 'name' | 'stage'>;

/** Name of a deployment: the name of its code stack, and the prefix of all names that CloudFormation does not choose. */
export const deploymentName = ({ name, stage }: Deployment): string => `${name}-${stage}`;

/** Distinguishes deployments in names that are too short for the deployment's name. */
const deploymentHash = ({ name, stage }: Deployment): string =>
  createHash('sha256')
    .update(JSON.stringify([name, stage]))
    .digest('hex')
    .slice(0, 8);

/**
 * The fixed name of a function's role, at most 64 characters. It contains the region, because roles belong to all
 * regions of an account. The region is a pseudo parameter: it is known only at deployment, so it cannot be in the hash.
 * @param part what the role is for, at most 25 characters
 */
export const roleName = (deployment: Deployment, part: string): string => {
  if (part.length > 25) throw new Error(`The role name part ${part} has over 25 characters. Nothing was synthesized.`);
  return `anima-${part}-${deploymentHash(deployment)}-${Aws.REGION}`;
};

/** Matches the ARNs of all roles of a deployment, and of no other deployment. */
export const roleArnWildcard = (deployment: Deployment): string => roleArn(roleName(deployment, '*'));

/**
 * The ARN of a role as text. Policies in the data stack name roles of the code stack by this ARN, because a reference
 * from the data stack to the code stack would be a cycle.
 */
export const roleArn = (name: string): string => `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${name}`;

/** Physical names of stateful resources. `undefined` lets CloudFormation generate the name. */
export interface StatefulNames {
  table(part: string): string | undefined;
  bucket(part: string): string | undefined;
  queue(part: string): string | undefined;
}

/** Bucket names are unique across all accounts and regions and have at most 63 characters. */
export const statefulNames = (settings: Deployment & Pick<DeploymentSettings, 'stableNames'>): StatefulNames => {
  const stable = (name: string): string | undefined => (settings.stableNames ? name : undefined);
  const name = deploymentName(settings);
  return {
    table: (part) => stable(`${name}-${part}`),
    bucket: (part) => stable(`anima-${part}-${deploymentHash(settings)}-${Aws.ACCOUNT_ID}-${Aws.REGION}`),
    queue: (part) => stable(`${name}-${part}.fifo`),
  };
};

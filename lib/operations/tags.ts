import { Tags } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import { deploymentName } from '../shared/physical-names.ts';

/** The tag with name and stage, by which AWS Budgets finds the resources of a deployment. */
export const deploymentTag = 'anima:deployment';

/** Tags every resource that supports tags. */
export const tagResources = (scope: IConstruct, { name, stage, tags }: DeploymentSettings): void => {
  const own = { [deploymentTag]: deploymentName({ name, stage }), 'anima:name': name, 'anima:stage': stage };
  for (const [key, value] of Object.entries({ ...tags, ...own })) Tags.of(scope).add(key, value);
};

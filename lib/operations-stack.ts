import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DataStack } from './data-stack.ts';
import { Operations } from './operations/operations.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import { deploymentName, roleArnWildcard } from './shared/physical-names.ts';
import type { VaultStack } from './vault-stack.ts';

interface OperationsStackProps {
  readonly settings: DeploymentSettings;
  readonly data: DataStack;
  readonly code: VaultStack;
}

/**
 * What watches a deployment: alarms, metrics of logs, dashboard and budget. A stack of its own, because a stack can have
 * 500 resources. Nothing depends on it: it can be deleted and deployed again.
 */
export class OperationsStack extends Stack {
  constructor(scope: Construct, { settings, data, code }: OperationsStackProps) {
    const name = deploymentName(settings);
    super(scope, 'Operations', {
      stackName: `${name}-operations`,
      description: 'Anima Vault: alarms, dashboard and budget',
    });
    new Operations(this, 'Operations', {
      name,
      settings,
      functions: code.functions,
      apiId: code.apiId,
      failureQueue: code.failures,
      jobQueueName: data.users.jobs.name,
      tables: data.tableNames,
      keyArns: data.keyArns,
      roleArnWildcard: roleArnWildcard(settings),
    });
  }
}

import { Duration, Validations } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from 'aws-cdk-lib/aws-codedeploy';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { sumOf } from '../shared/sum-of-metrics.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';

/** Entries whose alias moves to a new version at once, and the reason. */
const immediateEntries: ReadonlySet<string> = new Set<keyof VaultFunctions>([
  // A durable execution stays on the version that started it, and executions are too rare to detect errors.
  'rotation-workflow',
  'shred-workflow',
  // CloudFormation invokes it during the same deployment, which needs the new version.
  'publisher',
]);

const period = Duration.minutes(1);

/**
 * Moves each alias to a new version in two steps: 10% of the invocations for five minutes, then all. An error of the
 * function during this time ends the deployment, and CodeDeploy returns to the previous version. Errors are those that
 * Lambda counts, and those that the function answers with the code `internal`. Each function has its own alarm: CodeDeploy
 * starts no deployment while its alarm is on, so errors of one function must not keep the others from moving back.
 */
export class GradualDeployment extends Construct {
  private readonly application: LambdaApplication;
  private readonly role: Role;
  private readonly faultsOf: (fn: VaultFunction) => Metric;

  /** @param faultsOf unexpected errors of a function, which Lambda does not count */
  constructor(scope: Construct, id: string, functions: VaultFunctions, faultsOf: (fn: VaultFunction) => Metric) {
    super(scope, id);
    this.faultsOf = faultsOf;
    this.application = new LambdaApplication(this, 'Application');
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('codedeploy.amazonaws.com'),
      description: 'Anima Vault: moves aliases to new versions',
    });
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      reason: 'CDK attaches this policy of AWS. It moves aliases and reads alarms, and cannot read data.',
    });
    for (const [entry, fn] of Object.entries(functions)) {
      if (fn !== undefined && !immediateEntries.has(entry)) this.deployGradually(fn, entry !== 'responder');
    }
  }

  /** @param logs whether the function writes the request log. A responder is code of the operator, and does not */
  private deployGradually(fn: VaultFunction, logs: boolean): void {
    const { id } = fn.node;
    const counted = fn.alias.metricErrors({ period, statistic: Stats.SUM });
    const errors = new Alarm(this, `${id}Errors`, {
      alarmDescription: `Anima Vault: an invocation of ${id} failed. A deployment in progress is rolled back`,
      metric: logs ? sumOf([counted, this.faultsOf(fn)], period) : counted,
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    new LambdaDeploymentGroup(this, id, {
      application: this.application,
      alias: fn.alias,
      role: this.role,
      deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      alarms: [errors],
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
    });
  }
}

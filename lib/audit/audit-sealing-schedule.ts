import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Runs the sealer every five minutes. This is the period of audit marks, so each run has one more period to process.
 */
export class AuditSealingSchedule extends Construct {
  /** @param failures receives the events that EventBridge could not deliver to the function */
  constructor(scope: Construct, id: string, sealer: VaultFunction, failures: IQueue) {
    super(scope, id);
    new Rule(this, 'Rule', {
      description: 'Seals the audit records of organizations that have new ones',
      schedule: Schedule.rate(Duration.minutes(5)),
      targets: [new LambdaFunction(sealer.target, { deadLetterQueue: failures })],
    });
  }
}

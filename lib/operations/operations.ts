import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import { sumOf } from '../shared/sum-of-metrics.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import { MonthlyBudget } from './budget.ts';
import type { FailureQueue } from './failure-queue.ts';
import { addFaultAlarms, addFunctionAlarms, addWorkflowAlarms, functionMetric } from './function-alarms.ts';
import { LogMetrics } from './log-metrics.ts';
import { UnexpectedCallRules } from './unexpected-call-rules.ts';
import { metricPeriod, VaultAlarms } from './vault-alarms.ts';
import { VaultDashboard } from './vault-dashboard.ts';

interface OperationsProps {
  /** Name of the deployment. */
  readonly name: string;
  readonly settings: DeploymentSettings;
  readonly functions: VaultFunctions;
  readonly apiId: string;
  readonly failureQueue: FailureQueue;
  /** Name of the queue of jobs. */
  readonly jobQueueName: string;
  /** Names of the tables by a short name. */
  readonly tables: Readonly<Record<string, string>>;
  /** ARNs of the KMS keys. */
  readonly keyArns: readonly string[];
  /** ARN of the roles of functions, with `*` for the part that differs. */
  readonly roleArnWildcard: string;
}

/** The alarms of a deployment, their metrics, the dashboard and the budget (docs/guide-operator.md, "Alarms"). */
export class Operations extends Construct {
  private readonly alarms: VaultAlarms;
  private readonly metrics: LogMetrics;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    const { name, settings, functions } = props;
    const { responder, 'rotation-workflow': rotation, 'shred-workflow': shredding, ...logging } = functions;
    const all = {
      ...logging,
      'rotation-workflow': rotation,
      'shred-workflow': shredding,
      ...(responder && { responder }),
    };
    this.alarms = new VaultAlarms(this, 'Alarms', name, settings.alarmTopicArn);
    const { sealer, worker, reader, broker } = functions;
    this.metrics = new LogMetrics(this, 'Logs', {
      name,
      logging: Object.values(logging),
      sealer,
      worker,
      usingValues: [reader, broker],
    });
    addFunctionAlarms(this.alarms, all);
    addWorkflowAlarms(this.alarms, { 'rotation-workflow': rotation, 'shred-workflow': shredding });
    const api = { metric: (metric: string, statistic?: string) => apiMetric(props.apiId, metric, statistic) };
    this.alarms.add('api-5xx', {
      metric: api.metric('5xx'),
      periods: { of: 2, last: 3 },
      what: 'The API answered requests with 5xx in 10 of the last 15 minutes.',
    });
    addFaultAlarms(this.alarms, this.metrics.faults);
    this.addDependencyAlarms();
    this.addAuditAlarms();
    this.addTripwireAlarm();
    const { oldestJob, failures } = this.addQueueAlarms(props, [sealer, rotation, shredding]);
    new UnexpectedCallRules(
      this,
      'Calls',
      {
        name,
        logRetention: settings.logRetention,
        functions: Object.values(all),
        keyArns: props.keyArns,
        roleArnWildcard: props.roleArnWildcard,
      },
      this.alarms,
    );
    new VaultDashboard(this, 'Dashboard', {
      name,
      functions: all,
      tables: props.tables,
      api,
      oldestJob,
      failures,
      sealLag: this.metrics.sealLag,
      unfinishedJobs: this.metrics.unfinishedJobs,
      dependencies: dependencies.map((label) => this.metrics.failuresOf(label).with({ label })),
    });
    const { monthlyBudget, alarmTopicArn: topicArn } = settings;
    if (monthlyBudget !== undefined) new MonthlyBudget(this, 'Budget', { name, ...monthlyBudget, topicArn });
  }

  private addDependencyAlarms(): void {
    this.alarms.add('kms-denied', {
      metric: this.metrics.failuresOf('kms_denied'),
      what: 'KMS refused a key of the vault: its policy denies it, or the key is disabled or scheduled for deletion.',
    });
    this.alarms.add('kms-throttled', {
      metric: this.metrics.failuresOf('kms_throttled'),
      above: 4,
      what: 'KMS throttled at least five requests in five minutes, in spite of retries.',
    });
    this.alarms.add('audit-write-failed', {
      metric: this.metrics.failuresOf('audit_write'),
      what: 'An audit record could not be written, so the response of its request was withheld.',
    });
  }

  private addTripwireAlarm(): void {
    this.alarms.add('tripwire', {
      metric: this.metrics.tripwires,
      what: 'A value that nobody should read or use was read or used. The audit has who did it.',
    });
  }

  private addAuditAlarms(): void {
    this.alarms.add('seal-lag', {
      metric: this.metrics.sealLag,
      // A run every five minutes leaves records unsealed for at most eleven minutes.
      above: 1800,
      periods: { of: 3, last: 3 },
      silenceIsFailure: true,
      what: 'Audit records older than 30 minutes are unsealed, or the sealer has not run for 15 minutes.',
    });
    this.alarms.add('audit-head-conflict', {
      metric: this.metrics.headConflicts,
      what: 'The locked bucket has heads of the audit that the vault did not create.',
    });
  }

  private addQueueAlarms({ jobQueueName, failureQueue }: OperationsProps, asynchronous: VaultFunctions['sealer'][]) {
    const oldestJob = queueMetric(jobQueueName, 'ApproximateAgeOfOldestMessage');
    this.alarms.add('oldest-job', {
      metric: oldestJob,
      above: 300,
      periods: { of: 2, last: 2 },
      what: 'A message or deletion has waited for the worker for over five minutes. It is lost after four hours.',
    });
    this.alarms.add('unfinished-jobs', {
      metric: this.metrics.unfinishedJobs,
      what: "A message stayed unanswered after three attempts, or a deleted user's data could not be removed.",
    });
    const failures = queueMetric(failureQueue.queue.queueName, 'ApproximateNumberOfMessagesVisible');
    this.alarms.add('failed-invocations', {
      metric: failures,
      what: 'The queue of failed asynchronous invocations is not empty: a workflow or a run of the sealer failed.',
    });
    this.alarms.add('lost-invocations', {
      metric: sumOf(
        asynchronous.map((fn) => functionMetric(fn, 'DeadLetterErrors')),
        metricPeriod,
      ),
      what: 'Lambda could not write a failed asynchronous invocation to its queue. The event is lost.',
    });
    return { oldestJob, failures };
  }
}

const dependencies = ['kms_denied', 'kms_throttled', 'kms_unavailable', 'audit_write'] as const;

const apiMetric = (ApiId: string, metricName: string, statistic: string = Stats.SUM): Metric =>
  new Metric({
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensionsMap: { ApiId },
    statistic,
    period: metricPeriod,
    // An alarm with a label would be rendered as metric math.
    ...(statistic === Stats.SUM ? {} : { label: `${metricName} ${statistic}` }),
  });

const queueMetric = (QueueName: string, metricName: string): Metric =>
  new Metric({
    namespace: 'AWS/SQS',
    metricName,
    dimensionsMap: { QueueName },
    statistic: Stats.MAXIMUM,
    period: metricPeriod,
  });

import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

/** The period of all metrics of alarms and dashboard. */
export const metricPeriod = Duration.minutes(5);

interface VaultAlarm {
  readonly metric: IMetric;
  /** The alarm goes off if the metric is greater than this. Default: 0. */
  readonly above?: number;
  /** In how many of the last periods. Default: in one. */
  readonly periods?: { readonly of: number; readonly last: number };
  /** The metric is always written, so its absence is a failure. Default: no data means that nothing happened. */
  readonly silenceIsFailure?: boolean;
  /** What happened, one or two sentences. */
  readonly what: string;
  /** Anchor in the guide with what to do. Default: the ID of the alarm. */
  readonly anchor?: string;
}

/** Creates alarms with the same names, descriptions and actions: `<name>-<stage>-<id>`. */
export class VaultAlarms extends Construct {
  private readonly prefix: string;
  private readonly action: IAlarmAction | undefined;

  /** @param topicArn the topic to notify; without it, alarms only change their state */
  constructor(scope: Construct, id: string, name: string, topicArn: string | undefined) {
    super(scope, id);
    this.prefix = name;
    this.action = topicArn === undefined ? undefined : { bind: () => ({ alarmActionArn: topicArn }) };
  }

  add(id: string, { metric, above = 0, periods = { of: 1, last: 1 }, ...rest }: VaultAlarm): void {
    const { what, anchor = id, silenceIsFailure = false } = rest;
    const alarm = new Alarm(this, id, {
      alarmName: `${this.prefix}-${id}`,
      alarmDescription: `${what} What to do: docs/guide-operator.md#alarm-${anchor}`,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods.last,
      datapointsToAlarm: periods.of,
      treatMissingData: silenceIsFailure ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (this.action === undefined) return;
    alarm.addAlarmAction(this.action);
    alarm.addOkAction(this.action);
  }
}

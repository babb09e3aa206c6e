import { Aws } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, Metric, PeriodOverride, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';
import { functionMetric } from './function-alarms.ts';
import { metricPeriod } from './vault-alarms.ts';

export interface DashboardProps {
  readonly name: string;
  /** All functions by their entry. Most are a group of routes. */
  readonly functions: Readonly<Record<string, VaultFunction>>;
  /** Names of the tables by a short name. */
  readonly tables: Readonly<Record<string, string>>;
  readonly api: { metric(name: string, statistic?: string): Metric };
  /** Metrics of single graphs that alarms use too. */
  readonly oldestJob: IMetric;
  readonly failures: IMetric;
  readonly sealLag: IMetric;
  readonly unfinishedJobs: IMetric;
  readonly dependencies: readonly IMetric[];
}

/** Usage of KMS. AWS counts it for the whole account and region, not by key. */
const kmsUsage = ['CryptographicOperationsSymmetric', 'CryptographicOperationsEcc'];

/** The metrics of the alarms, and what the costs depend on. */
export class VaultDashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { name, functions, tables, api } = props;
    const all = Object.values(functions);
    const byFunction = (metric: string, statistic?: string) =>
      all.map((fn) => functionMetric(fn, metric, statistic).with({ label: fn.node.id }));
    const byTable = (metric: string) =>
      Object.entries(tables).map(([label, table]) => tableMetric(table, metric, label));
    new Dashboard(this, 'Dashboard', {
      // Dashboards belong to all regions of an account.
      dashboardName: `${name}-${Aws.REGION}`,
      periodOverride: PeriodOverride.AUTO,
      widgets: [
        [
          graph('Requests', [api.metric('Count'), api.metric('4xx'), api.metric('5xx')]),
          graph('Latency of the API, milliseconds', [api.metric('Latency', 'p50'), api.metric('Latency', 'p99')]),
          graph('Failed dependencies', props.dependencies),
        ],
        [
          graph('Errors by function', byFunction('Errors')),
          graph('Throttles by function', byFunction('Throttles')),
          graph('Duration by function, p99, milliseconds', byFunction('Duration', 'p99')),
        ],
        [
          graph('Age of the oldest job, seconds', [props.oldestJob]),
          graph('Seal lag, seconds', [props.sealLag]),
          graph('Failed asynchronous invocations, unfinished jobs', [props.failures, props.unfinishedJobs]),
        ],
        [
          graph('Read units by table', byTable('ConsumedReadCapacityUnits')),
          graph('Write units by table', byTable('ConsumedWriteCapacityUnits')),
          graph('Throttled reads and writes by table', [
            ...byTable('ReadThrottleEvents'),
            ...byTable('WriteThrottleEvents'),
          ]),
        ],
        [
          graph('Invocations by function', byFunction('Invocations')),
          graph('KMS operations of the whole account', kmsUsage.map(kmsMetric)),
          graph('Log data by function, bytes', all.map(logBytes)),
        ],
      ],
    });
  }
}

const graph = (title: string, left: readonly IMetric[]): GraphWidget =>
  new GraphWidget({ title, left: [...left], width: 8, leftYAxis: { min: 0 } });

const tableMetric = (TableName: string, metricName: string, label: string): Metric =>
  new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName },
    statistic: Stats.SUM,
    period: metricPeriod,
    label,
  });

const kmsMetric = (Resource: string): Metric =>
  new Metric({
    namespace: 'AWS/Usage',
    metricName: 'CallCount',
    dimensionsMap: { Class: 'None', Resource, Service: 'KMS', Type: 'API' },
    statistic: Stats.SUM,
    period: metricPeriod,
    label: Resource,
  });

const logBytes = (fn: VaultFunction): Metric =>
  new Metric({
    namespace: 'AWS/Logs',
    metricName: 'IncomingBytes',
    dimensionsMap: { LogGroupName: fn.logGroup.logGroupName },
    statistic: Stats.SUM,
    period: metricPeriod,
    label: fn.node.id,
  });

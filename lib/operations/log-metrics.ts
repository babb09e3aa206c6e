import { Metric, Stats, Unit } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type IFilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import type { FailedDependency } from '../../contract/shared/vault-error.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import { metricPeriod } from './vault-alarms.ts';

interface LogMetricsProps {
  /** Name of the deployment. */
  readonly name: string;
  /** Every function that writes the request log (lambdas/middleware/request-log.ts). */
  readonly logging: readonly VaultFunction[];
  readonly sealer: VaultFunction;
  readonly worker: VaultFunction;
  /** The functions that return or use values. */
  readonly usingValues: readonly VaultFunction[];
}

const namespaceOf = (deployment: string): string => `AnimaVault/${deployment}`;

const faultsOf = ({ node }: VaultFunction): string => `${node.id}Faults`;

const logMetric = (namespace: string, metricName: string, statistic: string = Stats.SUM): Metric =>
  new Metric({ namespace, metricName, statistic, period: metricPeriod });

/**
 * Unexpected errors of a function that writes the request log. Lambda does not count them as errors, because the function
 * answers: a request with the code `internal`, a job with a further attempt.
 * @param deployment name of the deployment
 */
export const faultMetric = (deployment: string, fn: VaultFunction): Metric =>
  logMetric(namespaceOf(deployment), faultsOf(fn));

/** The field that makes the dimension of the metric of failed dependencies. */
const dependencyField = '$.failedDependency';
const unexpected: ErrorCode = 'internal';

/**
 * Metrics that only the functions' own log lines have. The filters name fields of `RequestLogEntry`;
 * test/infra/log-metrics.test.ts evaluates them against lines that the functions write.
 */
export class LogMetrics extends Construct {
  /** Unexpected errors by function ({@link faultMetric}). */
  readonly faults: ReadonlyMap<VaultFunction, Metric>;
  /** Seconds. */
  readonly sealLag: Metric;
  /** Objects in the locked bucket that the vault did not create. */
  readonly headConflicts: Metric;
  /** Messages that stayed without an answer, and deletions that failed repeatedly. */
  readonly unfinishedJobs: Metric;
  /** Reads and uses of tripwires. */
  readonly tripwires: Metric;
  private readonly namespace: string;

  constructor(scope: Construct, id: string, { name, logging, sealer, worker, usingValues }: LogMetricsProps) {
    super(scope, id);
    this.namespace = namespaceOf(name);
    const faults = new Map<VaultFunction, Metric>();
    for (const fn of logging) {
      // One filter for all dependencies: the value of the field is the dimension.
      new MetricFilter(this, `${fn.node.id}Dependencies`, {
        logGroup: fn.logGroup,
        filterPattern: FilterPattern.exists(dependencyField),
        metricNamespace: this.namespace,
        metricName: failedDependencies,
        metricValue: '1',
        dimensions: { Dependency: dependencyField },
      });
      const filter = FilterPattern.stringValue('$.code', '=', unexpected);
      faults.set(fn, this.metricOf(faultsOf(fn), fn, filter));
    }
    this.faults = faults;
    const lag = FilterPattern.numberValue('$.sealLagSeconds', '>=', 0);
    this.sealLag = this.metricOf('SealLag', sealer, lag, Stats.MAXIMUM, '$.sealLagSeconds', Unit.SECONDS);
    const conflict = FilterPattern.stringValue('$.reason', '=', 'audit_head_conflict');
    this.headConflicts = this.metricOf('AuditHeadConflicts', sealer, conflict);
    for (const fn of usingValues) this.addTripwireFilter(fn);
    this.tripwires = logMetric(this.namespace, tripwires);
    this.unfinishedJobs = this.metricOf(
      'UnfinishedJobs',
      worker,
      FilterPattern.any(
        FilterPattern.stringValue('$.reason', '=', 'unanswered'),
        FilterPattern.stringValue('$.reason', '=', 'undeleted'),
      ),
    );
  }

  private addTripwireFilter({ logGroup, node }: VaultFunction): void {
    new MetricFilter(this, `${node.id}Tripwires`, {
      logGroup,
      filterPattern: FilterPattern.numberValue('$.tripwires', '>', 0),
      metricNamespace: this.namespace,
      metricName: tripwires,
      metricValue: '$.tripwires',
      unit: Unit.COUNT,
    });
  }

  /** Requests and jobs that failed because of a dependency. */
  failuresOf(dependency: FailedDependency): Metric {
    return new Metric({
      namespace: this.namespace,
      metricName: failedDependencies,
      dimensionsMap: { Dependency: dependency },
      statistic: Stats.SUM,
      period: metricPeriod,
    });
  }

  private metricOf(
    metricName: string,
    { logGroup }: VaultFunction,
    filterPattern: IFilterPattern,
    statistic: string = Stats.SUM,
    metricValue = '1',
    unit = Unit.COUNT,
  ): Metric {
    const metricNamespace = this.namespace;
    new MetricFilter(this, metricName, { logGroup, filterPattern, metricNamespace, metricName, metricValue, unit });
    return logMetric(metricNamespace, metricName, statistic);
  }
}

const failedDependencies = 'FailedDependencies';
const tripwires = 'Tripwires';

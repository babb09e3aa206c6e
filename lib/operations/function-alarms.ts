import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { sumOf } from '../shared/sum-of-metrics.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import { metricPeriod, type VaultAlarms } from './vault-alarms.ts';

/** A metric of a function over all its versions and aliases. */
export const functionMetric = (fn: VaultFunction, metricName: string, statistic: string = Stats.SUM): Metric =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: fn.functionName },
    statistic,
    period: metricPeriod,
  });

/** An alarm can use at most ten metrics (CloudWatch user guide, "Using math expressions with CloudWatch metrics"). */
const metricsPerAlarm = 10;

/** @param functions all functions by their entry */
export function addFunctionAlarms(alarms: VaultAlarms, functions: Readonly<Record<string, VaultFunction>>): void {
  for (const [entry, fn] of Object.entries(functions)) {
    alarms.add(`${entry}-errors`, {
      metric: functionMetric(fn, 'Errors'),
      what: `The function ${entry} ended with an error, a timeout or a lack of memory.`,
      anchor: 'function-errors',
    });
  }
  // Throttles have one cause for all functions, the concurrency of the account, so it does not matter which one.
  const throttles = Object.values(functions).map((fn) => [fn, functionMetric(fn, 'Throttles')] as const);
  addSumAlarms(alarms, 'throttles', throttles, 'Lambda refused invocations, because no concurrency was left, of');
}

/** @param faults unexpected errors by function, which Lambda does not count */
export function addFaultAlarms(alarms: VaultAlarms, faults: ReadonlyMap<VaultFunction, Metric>): void {
  const what = 'A caller got the code internal, or a job failed, because of an error that is not expected, in one of';
  addSumAlarms(alarms, 'unexpected-errors', [...faults], what);
}

/** As many alarms as the limit of metrics requires: `<id>-1`, `<id>-2`, … */
function addSumAlarms(
  alarms: VaultAlarms,
  id: string,
  metrics: readonly (readonly [VaultFunction, Metric])[],
  what: string,
): void {
  for (let at = 0; at < metrics.length; at += metricsPerAlarm) {
    const some = metrics.slice(at, at + metricsPerAlarm);
    alarms.add(`${id}-${1 + at / metricsPerAlarm}`, {
      metric: sumOf(
        some.map(([, metric]) => metric),
        metricPeriod,
      ),
      what: `${what}: ${some.map(([{ node }]) => node.id).join(', ')}.`,
      anchor: id,
    });
  }
}

/** The metrics of the end of an execution that did not succeed. */
const failedEnds = ['DurableExecutionFailed', 'DurableExecutionTimedOut', 'DurableExecutionStopped'];

/** @param workflows the durable functions, by their entry */
export function addWorkflowAlarms(alarms: VaultAlarms, workflows: Readonly<Record<string, VaultFunction>>): void {
  for (const [entry, fn] of Object.entries(workflows)) {
    alarms.add(`${entry}-failed`, {
      metric: sumOf(
        failedEnds.map((name) => functionMetric(fn, name)),
        metricPeriod,
      ),
      what: `An execution of ${entry} failed, exceeded its time or was stopped. Its work is unfinished.`,
      anchor: 'workflow-failed',
    });
  }
}

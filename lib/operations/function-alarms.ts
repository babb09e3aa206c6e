import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
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

/** The sum of metrics, of which each may have no data. */
export const sumOf = (metrics: readonly Metric[]): MathExpression => {
  const usingMetrics = Object.fromEntries(metrics.map((metric, at) => [`m${at}`, metric]));
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ');
  return new MathExpression({ expression, usingMetrics, period: metricPeriod });
};

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
  const all = Object.values(functions);
  for (let at = 0; at < all.length; at += metricsPerAlarm) {
    const some = all.slice(at, at + metricsPerAlarm);
    alarms.add(`throttles-${1 + at / metricsPerAlarm}`, {
      metric: sumOf(some.map((fn) => functionMetric(fn, 'Throttles'))),
      what: `Lambda refused invocations, because no concurrency was left, of: ${some.map(({ node }) => node.id).join(', ')}.`,
      anchor: 'throttles',
    });
  }
}

/** The metrics of the end of an execution that did not succeed. */
const failedEnds = ['DurableExecutionFailed', 'DurableExecutionTimedOut', 'DurableExecutionStopped'];

/** @param workflows the durable functions, by their entry */
export function addWorkflowAlarms(alarms: VaultAlarms, workflows: Readonly<Record<string, VaultFunction>>): void {
  for (const [entry, fn] of Object.entries(workflows)) {
    alarms.add(`${entry}-failed`, {
      metric: sumOf(failedEnds.map((name) => functionMetric(fn, name))),
      what: `An execution of ${entry} failed, exceeded its time or was stopped. Its work is unfinished.`,
      anchor: 'workflow-failed',
    });
  }
}

import { ofType, type Resource, type Synthesized } from './synthesized-template.ts';

export interface UsedMetric {
  readonly namespace: string;
  readonly name: string;
  /** Names and values. A value that is a reference is not a text. */
  readonly dimensions: readonly (readonly [name: string, value: unknown])[];
}

/** The alarms of lib/operations. The others roll a deployment back. */
export const operationsAlarms = (template: Synthesized): Resource['Properties'][] =>
  ofType(template, 'AWS::CloudWatch::Alarm')
    .filter(([id]) => id.startsWith('OperationsAlarms'))
    .map(([, { Properties }]) => Properties);

const toMetric = ({ Namespace, MetricName, Dimensions = [] }: Record<string, unknown>): UsedMetric => ({
  namespace: String(Namespace),
  name: String(MetricName),
  dimensions: (Dimensions as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [Name, Value]),
});

/** The metrics of an alarm: one, or those of its expression. */
export const metricsOfAlarm = (alarm: Resource['Properties']): UsedMetric[] => {
  if (alarm.MetricName !== undefined) return [toMetric(alarm)];
  const parts = alarm.Metrics as { MetricStat?: { Metric: Record<string, unknown> } }[];
  return parts.flatMap(({ MetricStat }) => (MetricStat === undefined ? [] : [toMetric(MetricStat.Metric)]));
};

/** Whether a metric is made from log lines by a filter of this template. */
export const isOfLogs = ({ namespace }: UsedMetric): boolean => namespace.startsWith('AnimaVault/');

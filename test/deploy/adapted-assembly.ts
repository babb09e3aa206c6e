/** Adapts an assembly to what the emulator cannot create: alarms over metric math, and answers of sockets (known-gaps.ts). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

interface Resource {
  readonly Type: string;
  Properties?: Readonly<Record<string, unknown>>;
}

interface AlarmMetric {
  readonly MetricStat?: {
    readonly Metric: Readonly<Record<string, unknown>>;
    readonly Period: number;
    readonly Stat: string;
  };
}

/** Lets every alarm of an assembly with an expression watch the first metric of the expression. Returns their number. */
export function replaceMetricMath(assembly: string): number {
  let replaced = 0;
  for (const name of readdirSync(assembly).filter((file) => file.endsWith('.template.json'))) {
    const file = join(assembly, name);
    const template: { Resources: Record<string, Resource> } = JSON.parse(readFileSync(file, 'utf8'));
    for (const resource of Object.values(template.Resources)) {
      const { Metrics, ...rest } = resource.Properties ?? {};
      if (resource.Type !== 'AWS::CloudWatch::Alarm' || Metrics === undefined) continue;
      const stat = (Metrics as AlarmMetric[]).find(({ MetricStat }) => MetricStat !== undefined)?.MetricStat;
      const { Metric, Period, Stat } = stat ?? expect.fail('no metric');
      resource.Properties = { ...rest, ...Metric, Period, Statistic: Stat };
      replaced++;
    }
    writeFileSync(file, JSON.stringify(template));
  }
  return replaced;
}

/** Types of the WebSocket API that the emulator does not know (known-gaps.ts). */
export const unknownTypes = ['AWS::ApiGatewayV2::IntegrationResponse', 'AWS::ApiGatewayV2::RouteResponse'];

/** Removes the resources of these types from an assembly. Returns their number. */
export function removeUnknownTypes(assembly: string): number {
  let removed = 0;
  for (const name of readdirSync(assembly).filter((file) => file.endsWith('.template.json'))) {
    const file = join(assembly, name);
    const template: { Resources: Record<string, Resource> } = JSON.parse(readFileSync(file, 'utf8'));
    for (const [id, { Type }] of Object.entries(template.Resources)) {
      if (!unknownTypes.includes(Type)) continue;
      delete template.Resources[id];
      removed++;
    }
    writeFileSync(file, JSON.stringify(template));
  }
  return removed;
}

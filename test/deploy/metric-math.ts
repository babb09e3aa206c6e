/** Alarms over metric math, which the emulator cannot create (known-gaps.ts). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Template } from './assembly.ts';

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
    const template: Template = JSON.parse(readFileSync(file, 'utf8'));
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type !== 'AWS::CloudWatch::Alarm' || Properties?.Metrics === undefined) continue;
      const { Metrics, ...rest } = Properties;
      const stat = (Metrics as AlarmMetric[]).find(({ MetricStat }) => MetricStat !== undefined)?.MetricStat;
      const { Metric, Period, Stat } = stat ?? expect.fail('no metric');
      for (const key of Object.keys(Properties)) delete (Properties as Record<string, unknown>)[key];
      Object.assign(Properties, rest, Metric, { Period, Statistic: Stat });
      replaced++;
    }
    writeFileSync(file, JSON.stringify(template));
  }
  return replaced;
}

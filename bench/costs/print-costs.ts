import { goalText } from '../service/print-service.ts';
import { costOf, getGoal } from './cost-table.ts';
import { countLocally } from './count-locally.ts';
import { priceDate, priceRegion } from './price-list.ts';

/** The counted AWS calls of one operation, and what a million of them cost by list price. */
export interface OperationCost {
  readonly name: string;
  /** For example `dynamodb GetItem`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly usdPerMillion: number;
  readonly goal: number | undefined;
  readonly met: boolean;
}

/** The first operation is the warm get, which has a goal. */
export async function countCosts(): Promise<OperationCost[]> {
  const counted = await countLocally();
  return counted.map(({ name, usage }, index) => {
    const usdPerMillion = costOf(usage) * 1e6;
    const goal = index === 0 ? getGoal : undefined;
    const met = goal === undefined || usdPerMillion <= goal;
    return { name, calls: Object.fromEntries(usage.calls), usdPerMillion, goal, met };
  });
}

export function printCosts(rows: readonly OperationCost[]): void {
  if (rows.length === 0) return;
  console.log(
    `\nCost of a million operations in USD by list price (${priceRegion}, ${priceDate}; docs/costs.md), and AWS calls`,
  );
  for (const { name, calls, usdPerMillion, goal, met } of rows) {
    const list = Object.entries(calls).map(([call, count]) => (count === 1 ? call : `${count} ${call}`));
    console.log(`${name.padEnd(64)} ${usdPerMillion.toFixed(2).padStart(9)}  ${list.join(', ')}${goalText(goal, met)}`);
  }
}

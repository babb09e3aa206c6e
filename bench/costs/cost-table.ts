/** Computes prices from counted usage, and writes docs/costs.md. */
import type { CountedOperation } from './operations.ts';
import { assumedMs, functionGb, priceDate, priceRegion, prices } from './price-list.ts';
import type { Usage } from './usage.ts';

/** List price of a million warm gets in USD that must not be exceeded. */
export const getGoal = 2.6;

const callsOf = ({ calls }: Usage, service: string): [action: string, count: number][] =>
  [...calls].flatMap(([call, count]) => (call.startsWith(`${service} `) ? [[call.split(' ')[1] ?? '', count]] : []));
const sum = (rows: readonly (readonly [string, number])[]): number =>
  rows.reduce((total, [, count]) => total + count, 0);

/** Invocations: those by the API, and those that functions and workflows make. */
const invocations = (usage: Usage): number =>
  usage.apiRequests + sum(callsOf(usage, 'lambda').filter(([a]) => a.startsWith('Invoke')));

/** The billed time of all invocations, with the assumed latency of each call. */
function billedMs(usage: Usage): number {
  const waiting = Object.entries(assumedMs.call).map(([service, ms]) => ms * sum(callsOf(usage, service)));
  return assumedMs.handler * invocations(usage) + waiting.reduce((total, ms) => total + ms, 0);
}

const kmsPrice = (action: string) =>
  /^(Sign|GetPublicKey)$/.test(action) ? prices.kmsAsymmetric : prices.kmsSymmetric;
const s3Price = (action: string) => {
  if (/^(Delete|Abort)/.test(action)) return 0;
  return /^(Get|Head)/.test(action) ? prices.s3Read : prices.s3Write;
};
const priced = (rows: readonly (readonly [string, number])[], price: (action: string) => number): number =>
  rows.reduce((total, [action, count]) => total + count * price(action), 0);

/** The terms of the price of one operation, in USD. */
export function costTerms(usage: Usage): ReadonlyMap<string, number> {
  const terms: [string, number][] = [
    ['API Gateway requests', usage.apiRequests * prices.apiRequest],
    ['Lambda requests', invocations(usage) * prices.lambdaRequest],
    ['Lambda duration', (billedMs(usage) / 1000) * functionGb * prices.lambdaGbSecond],
    ['DynamoDB reads', usage.readUnits * prices.readUnit],
    ['DynamoDB writes', usage.writeUnits * prices.writeUnit],
    ['KMS requests', priced(callsOf(usage, 'kms'), kmsPrice)],
    ['S3 requests', priced(callsOf(usage, 's3'), s3Price)],
    ['SQS requests', sum(callsOf(usage, 'sqs')) * prices.sqsRequest],
    ['log ingestion', usage.logBytes * prices.logByte],
  ];
  return new Map(terms);
}

export const costOf = (usage: Usage): number => [...costTerms(usage).values()].reduce((total, usd) => total + usd, 0);

const perMillion = (usd: number): string => (usd * 1e6).toFixed(2);
const list = (rows: readonly (readonly [string, number])[]): string =>
  rows.map(([action, count]) => (count === 1 ? action : `${count} ${action}`)).join(', ') || '–';

function tableRow({ name, usage }: CountedOperation): string {
  const other = ['lambda', 'sqs', 'backup'].flatMap((service) => callsOf(usage, service));
  const dynamo = callsOf(usage, 'dynamodb').toSorted();
  const cells = [
    name,
    usage.apiRequests,
    list(dynamo),
    `${usage.readUnits} / ${usage.writeUnits}`,
    list(callsOf(usage, 'kms').toSorted()),
    list(callsOf(usage, 's3').toSorted()),
    list(other.toSorted()),
    usage.logBytes,
    billedMs(usage),
    perMillion(costOf(usage)),
  ];
  return `| ${cells.join(' | ')} |`;
}

function getTerms(operations: readonly CountedOperation[]): string[] {
  const [get] = operations;
  if (get === undefined) throw new Error('No operation was counted.');
  const terms = [...costTerms(get.usage)].filter(([, usd]) => usd > 0);
  const total = costOf(get.usage) * 1e6;
  const [largest] = terms.toSorted(([, a], [, b]) => b - a);
  const verdict = total <= getGoal ? 'The goal is met.' : `The goal is missed. The largest term is: ${largest?.[0]}.`;
  return [
    '| term | USD for a million gets |',
    '|---|---|',
    ...terms.map(([term, usd]) => `| ${term} | ${perMillion(usd)} |`),
    `| sum | ${total.toFixed(2)} |`,
    '',
    `The goal is at most ${getGoal.toFixed(2)} USD. ${verdict}`,
  ];
}

/** The generated part of docs/costs.md. */
export function renderCosts(operations: readonly CountedOperation[]): string {
  const { call, handler } = assumedMs;
  const latencies = Object.entries(call)
    .map(([service, ms]) => `${ms} ms for ${service}`)
    .join(', ');
  return [
    `Prices: ${priceRegion}, ${priceDate}, without free tiers and discounts (\`bench/costs/price-list.ts\`).`,
    '',
    '| operation | API requests | DynamoDB calls | read / write units | KMS | S3 | other calls | log bytes | billed ms | USD per million |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...operations.map(tableRow),
    '',
    `Calls, capacity units and log bytes are counted. The billed time is computed: ${handler} ms per invocation, and for each`,
    `call ${latencies}, as if the calls ran one after the other.`,
    '',
    ...getTerms(operations),
  ].join('\n');
}

const [start, end] = ['<!-- generated by npm run costs -->', '<!-- end of the generated part -->'];

/** The document with another generated part. */
export function replaceGenerated(document: string, generated: string): string {
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`docs/costs.md has no part between ${start} and ${end}`);
  return `${before}${start}\n\n${generated}\n\n${end}${after}`;
}

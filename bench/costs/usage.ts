/** Counts what one operation uses on the local stack. */
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import type { LocalVault } from '../../local/vault/local-vault.ts';
import { logEventOverhead } from './price-list.ts';

export interface Usage {
  readonly apiRequests: number;
  /** Capacity units, as DynamoDB reports them. */
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Calls by service and action, such as `kms Decrypt`. */
  readonly calls: ReadonlyMap<string, number>;
  /** Bytes of the access log and of the request log. */
  readonly logBytes: number;
}

const reads = new Set(['BatchGetItem', 'GetItem', 'Query']);
const writes = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);

/** The schedule that seals the audit is no part of an operation. */
const isScheduled = (name: string) => name.startsWith('Sealer');

/** Capacity units in a response: an object, or a list for batches. */
function consumedUnits(body: string): number {
  const { ConsumedCapacity = [] }: { ConsumedCapacity?: unknown } = JSON.parse(body);
  return [ConsumedCapacity].flat().reduce((sum: number, one) => sum + Number(Object(one).CapacityUnits ?? 0), 0);
}

/** Runs an operation and counts until no function is at work. */
export async function countUsage(
  vault: LocalVault,
  run: () => Promise<unknown>,
  settle = async () => {},
): Promise<Usage> {
  const calls = new Map<string, number>();
  let [readUnits, writeUnits] = [0, 0];
  vault.setHooks({
    before: ({ service, action, input, principal }: EngineCall) => {
      if (isScheduled(principal)) return;
      calls.set(`${service} ${action}`, (calls.get(`${service} ${action}`) ?? 0) + 1);
      // The engine reports units only on request. They do not reach the function: it reads no such field.
      if (reads.has(action) || writes.has(action)) Object.assign(Object(input), { ReturnConsumedCapacity: 'TOTAL' });
    },
    after: ({ action, principal }, body) => {
      if (isScheduled(principal)) return;
      if (reads.has(action)) readUnits += consumedUnits(body);
      if (writes.has(action)) writeUnits += consumedUnits(body);
    },
  });
  const logged = vault.logs().length;
  await run();
  await settle();
  vault.setHooks();
  const lines = vault
    .logs()
    .slice(logged)
    .split('\n')
    .filter(Boolean)
    .map(parseLine)
    .filter((line) => line !== undefined);
  return {
    apiRequests: lines.filter(({ stream }) => stream === 'access').length,
    readUnits,
    writeUnits,
    calls,
    logBytes: lines.reduce((sum, { bytes }) => sum + bytes + logEventOverhead, 0),
  };
}

/** Values of the length that they have on AWS. On this machine, some of them differ with each run. */
const usualFields = {
  requestId: 'JKJaXmPLvHcESHA=',
  ip: '203.0.113.195',
  latency: '10',
  durationMs: 10,
};

function parseLine(line: string): { stream: string; bytes: number } | undefined {
  const [, stream = '', json = ''] = /^(\w+): (\{.*\})$/.exec(line) ?? [];
  if (json === '' || isScheduled(stream)) return undefined;
  const fields: Record<string, unknown> = JSON.parse(json);
  const usual = Object.entries(usualFields).filter(([name]) => name in fields);
  return { stream, bytes: Buffer.byteLength(JSON.stringify({ ...fields, ...Object.fromEntries(usual) })) };
}

/** The process of one or more contenders. It runs as many operations as each message requests (contender-process.ts). */
import type { Prepared, Task } from './contender.ts';
import type { Report, Turn } from './contender-process.ts';
import { type ContenderName, contenders } from './contender-registry.ts';

/** Uses the results and flattens strings, because a concatenated string would defer part of its cost. */
let consumed = 0;

function consume(result: string | Uint8Array): void {
  consumed = (consumed + (typeof result === 'string' ? result.charCodeAt(result.length - 1) : (result[0] ?? 0))) | 0;
}

/**
 * CPU time of `count` operations in µs, over all threads, so that a thread pool and the collections within a turn are
 * included. Contenders that share a process begin with no garbage of each other.
 */
async function time({ run }: Prepared, count: number): Promise<number> {
  if (prepared.length > 1) globalThis.gc?.();
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const result = run();
    // Await only promises, so that synchronous contenders do not pay for the event loop.
    consume(result instanceof Promise ? await result : result);
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const report = (message: Report): void => void process.send?.(message);
const isContender = (name: string): name is ContenderName => Object.hasOwn(contenders, name);

const [, , names = '', text = ''] = process.argv;
const task: Task = JSON.parse(text);
const prepared: Prepared[] = [];
for (const name of names.split(',')) {
  if (!isContender(name)) throw new TypeError('There is no contender of that name.');
  prepared.push(await contenders[name](task));
}
process.on('message', async ({ at, count }: Turn) => {
  const contender = prepared[at];
  if (contender === undefined) throw new TypeError('There is no contender at that place.');
  report({ micros: await time(contender, count) });
});
report({ names: prepared.map(({ name }) => name) });

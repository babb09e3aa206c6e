/** The process of one contender. It runs as many operations as each message requests (contender-process.ts). */
import type { Prepared, Task } from './contender.ts';
import type { Report } from './contender-process.ts';
import { type ContenderName, contenders } from './contender-registry.ts';

/** Uses the results and flattens strings, because a concatenated string would defer part of its cost. */
let consumed = 0;

function consume(result: string | Uint8Array): void {
  consumed = (consumed + (typeof result === 'string' ? result.charCodeAt(result.length - 1) : (result[0] ?? 0))) | 0;
}

/** CPU time of `count` operations in µs, over all threads, so that a thread pool and garbage collection are included. */
async function time({ run }: Prepared, count: number): Promise<number> {
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

const [, , name = '', task = ''] = process.argv;
if (!isContender(name)) throw new TypeError('There is no contender of that name.');
const parsed: Task = JSON.parse(task);
const prepared = await contenders[name](parsed);
process.on('message', async ({ count }: { count: number }) => report({ micros: await time(prepared, count) }));
report({ name: prepared.name });

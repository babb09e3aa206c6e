/**
 * The program of one execution environment of a function, in a worker thread or in a separate process. It loads the bundled
 * handler, then processes one event at a time, as the Node.js runtime of Lambda does. It imports no other file of this
 * project, because it is started as text (environment-code.ts).
 */

import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { EntryPoint, InvocationMessage, WorkerMessage } from './environment-runner.ts';

const thread = parentPort;
const { bundlePath, exportName }: EntryPoint = thread === null ? JSON.parse(process.argv[1] ?? '') : workerData;

const module: Record<string, unknown> = await import(pathToFileURL(bundlePath).href);
const exportedHandler = module[exportName];
if (typeof exportedHandler !== 'function') throw new Error(`The bundle does not export a function ${exportName}.`);
const handler = exportedHandler;

const replyToParent = (message: WorkerMessage): void => {
  if (thread === null) process.send?.(message);
  else thread.postMessage(message);
};

async function invokeHandler({ event, context, deadline }: InvocationMessage): Promise<WorkerMessage> {
  const lambdaContext = {
    ...context,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  try {
    const result: unknown = await handler(JSON.parse(event), lambdaContext);
    return { kind: 'result', payload: JSON.stringify(result ?? null) };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: 'error', type: name, message, stack: stack ?? '' };
  }
}

(thread ?? process).on('message', (message: InvocationMessage) => void invokeHandler(message).then(replyToParent));
// A process must not outlive the vault.
if (thread === null) process.once('disconnect', () => process.exit());
replyToParent({ kind: 'ready' });

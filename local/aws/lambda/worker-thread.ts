/**
 * The entry of a worker thread, which is one execution environment of a function. It loads the bundled handler, then
 * processes one event at a time, as the Node.js runtime of Lambda does.
 */

import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { EntryPoint, InvocationMessage, WorkerMessage } from './execution-environment.ts';

const { bundlePath, exportName }: EntryPoint = workerData;
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread and cannot be run directly.');

const module: Record<string, unknown> = await import(pathToFileURL(bundlePath).href);
const exportedHandler = module[exportName];
if (typeof exportedHandler !== 'function') throw new Error(`The bundle does not export a function ${exportName}.`);
const handler = exportedHandler;

const replyToParent = (message: WorkerMessage): void => port.postMessage(message);

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

port.on('message', (message: InvocationMessage) => void invokeHandler(message).then(replyToParent));
replyToParent({ kind: 'ready' });

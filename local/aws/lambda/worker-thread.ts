/**
 * Runs in a worker thread: one execution environment of a function. It loads the built handler, then takes one event
 * after the other, as Lambda's runtime does for Node.
 */

import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { EntryPoint, FromEnvironment, ToEnvironment } from './execution-environment.ts';

const { entry, exportName }: EntryPoint = workerData;
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread; it is not run by itself.');

const module: Record<string, unknown> = await import(pathToFileURL(entry).href);
const exported = module[exportName];
if (typeof exported !== 'function') throw new Error(`The bundle exports no function ${exportName}.`);
const handler = exported;

const post = (message: FromEnvironment): void => port.postMessage(message);

async function handle({ event, context, deadline }: ToEnvironment): Promise<FromEnvironment> {
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

port.on('message', (message: ToEnvironment) => void handle(message).then(post));
post({ kind: 'ready' });

/**
 * The entry point of the worker threads as JavaScript. If they were started with the TypeScript file, each thread would
 * load the parser that strips types. That takes 10 MB and a third of the start time.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const source = readFileSync(new URL('./worker-thread.ts', import.meta.url), 'utf8');

export const workerCode = new URL(`data:text/javascript,${encodeURIComponent(stripTypeScriptTypes(source))}`);

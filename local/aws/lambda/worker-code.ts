/**
 * The entry of the worker threads as JavaScript. Were they started with the TypeScript file, each of them would load the parser that
 * takes the types out: 10 MB and a third of the time that its start takes.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const source = readFileSync(new URL('./worker-thread.ts', import.meta.url), 'utf8');

export const workerCode = new URL(`data:text/javascript,${encodeURIComponent(stripTypeScriptTypes(source))}`);

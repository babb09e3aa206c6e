/**
 * The program of an execution environment as JavaScript. If threads were started with the TypeScript file, each would
 * load the parser that strips types. That takes 10 MB and a third of the start time.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const source = readFileSync(new URL('./environment-main.ts', import.meta.url), 'utf8');

export const environmentCode = stripTypeScriptTypes(source);

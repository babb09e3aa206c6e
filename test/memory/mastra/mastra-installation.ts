/** Mastra itself, which `npm ci --prefix test/memory/mastra` installs. It is too large for the project's own dependencies. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const entry = join(import.meta.dirname, 'node_modules/@mastra/core/dist/storage/index.js');

export const isMastraInstalled = existsSync(entry);

export const mastraHint = isMastraInstalled ? '' : ' (not installed: npm ci --prefix test/memory/mastra)';

/** The module that stands for `@mastra/core/storage` in tests. */
export const mastraStorage = isMastraInstalled ? entry : join(import.meta.dirname, 'memory-storage.ts');

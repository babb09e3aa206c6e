import { configDefaults, defineConfig } from 'vitest/config';
import base, { command } from './vitest.config.ts';

/** The command `anima`, its MCP server and the guides: a run of their own, so that `npm test` stays under five minutes. */
export default defineConfig({ test: { ...base.test, include: [command], exclude: configDefaults.exclude } });

import { configDefaults, defineConfig } from 'vitest/config';
import base, { page } from './vitest.config.ts';

/** The page that opens links, in a browser: a run of its own, so that `npm test` stays under five minutes. */
export default defineConfig({ test: { ...base.test, include: [page], exclude: configDefaults.exclude } });

import { configDefaults, defineConfig } from 'vitest/config';
import base, { blobs } from './vitest.config.ts';

/** Files, and in a browser the page that opens them: a run of its own, so that `npm test` stays under five minutes. */
export default defineConfig({ test: { ...base.test, include: [blobs], exclude: configDefaults.exclude } });

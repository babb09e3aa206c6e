import { configDefaults, defineConfig } from 'vitest/config';
import base, { custody } from './vitest.config.ts';

/** Users, their memory, their channels and who can open what: a run of their own, so that `npm test` stays under five minutes. */
export default defineConfig({ test: { ...base.test, include: [custody], exclude: configDefaults.exclude } });

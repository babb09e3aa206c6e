/** For programs outside of vitest, with `--import`: `@mastra/core/storage` is Mastra or its stand-in. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { mastraStorage } from './mastra-installation.ts';

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === '@mastra/core/storage' ? pathToFileURL(mastraStorage).href : specifier, context),
});

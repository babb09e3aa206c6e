// For processes of tests (`node --import`): cli/sessions/session-clock.ts is test/cli/fast-session-clock.ts.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/session-clock.ts') && context.parentURL?.includes('/cli/sessions/')
      ? next(new URL('fast-session-clock.ts', import.meta.url).href, context)
      : next(specifier, context),
});

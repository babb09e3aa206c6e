import { Anima, type CallerIds } from '../../sdk/src/index.ts';
import { version } from './version.ts';

/** A client that says in the audit what it acts for: ANIMA_AGENT and ANIMA_RUN, unless the call knows better. */
export function createClient(
  { url, apiKey }: { readonly url: string; readonly apiKey: string },
  env: Readonly<Record<string, string | undefined>>,
  ids: CallerIds = {},
): Anima {
  return new Anima({
    apiKey,
    baseURL: url,
    userAgent: `anima-cli/${version}`,
    agent: env.ANIMA_AGENT || 'anima-cli',
    run: env.ANIMA_RUN || undefined,
    ...ids,
  });
}

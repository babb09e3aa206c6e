import { Anima, type CallerIds } from '../../sdk/src/index.ts';
import { nodeFetch, usesProxy } from './node-fetch.ts';
import { version } from './version.ts';

/**
 * Creates a client that sends caller ids for the audit: ANIMA_AGENT and ANIMA_RUN, unless the call provides its own.
 */
export function createClient(
  { url, apiKey }: { readonly url: string; readonly apiKey: string },
  env: Readonly<Record<string, string | undefined>>,
  ids: CallerIds = {},
): Anima {
  return new Anima({
    apiKey,
    baseURL: url,
    fetch: usesProxy(env) ? undefined : nodeFetch,
    userAgent: `anima-cli/${version}`,
    agent: env.ANIMA_AGENT || 'anima-cli',
    run: env.ANIMA_RUN || undefined,
    ...ids,
  });
}

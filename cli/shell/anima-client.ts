import { Anima, type AnimaOptions, type CallerIds } from '../../sdk/src/index.ts';
import { fetchFor } from './node-fetch.ts';
import { version } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Access = { readonly url: string; readonly apiKey: string; readonly login?: string };

/**
 * Creates a client that sends caller ids for the audit: ANIMA_AGENT and ANIMA_RUN, unless the call provides its own.
 */
export const createClient = (access: Access, env: Environment, ids: CallerIds = {}): Anima =>
  new Anima({ ...clientOptions(access, env), ...ids });

/** Options of all clients of this command. */
export const clientOptions = ({ url, apiKey, login }: Access, env: Environment) =>
  ({
    ...(login === undefined ? { apiKey } : { login }),
    baseURL: url,
    fetch: fetchFor(env),
    userAgent: `anima-cli/${version}`,
    agent: env.ANIMA_AGENT || 'anima-cli',
    run: env.ANIMA_RUN || undefined,
  }) satisfies AnimaOptions;

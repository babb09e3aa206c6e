/** A `fetch` through a proxy. Loaded only if a proxy is configured. */
import { FormData as ClientFormData, type Dispatcher, fetch as fetchWithDispatcher, ProxyAgent } from 'undici';
import type { ProxySetting } from './proxy-settings.ts';

const agents = new Map<string, Dispatcher>();

/** As in the platform's `fetch` without a proxy. */
const connectTimeoutMs = 10_000;

/** Sends a request through the proxy, which sees only the host name of an https address (RFC 9110 section 9.3.6). */
export async function fetchThroughProxy(proxy: ProxySetting, ...[input, init = {}]: Parameters<typeof fetch>) {
  const { body } = init;
  const dispatcher = agentFor(proxy);
  try {
    const sent = { ...init, body: body instanceof FormData ? copyForm(body) : body, dispatcher };
    // The types of the platform and of the package are the same standard, declared twice.
    return (await fetchWithDispatcher(
      String(input),
      sent as Parameters<typeof fetchWithDispatcher>[1],
    )) as unknown as Response;
  } catch (error) {
    throw proxyError(error);
  }
}

function agentFor({ url }: ProxySetting): Dispatcher {
  const known = agents.get(url.href);
  if (known !== undefined) return known;
  const agent = new ProxyAgent({ uri: url.href, connectTimeout: connectTimeoutMs });
  agents.set(url.href, agent);
  return agent;
}

/** The package accepts only its own forms. */
function copyForm(form: FormData): ClientFormData {
  const copy = new ClientFormData();
  for (const [name, value] of form) {
    if (typeof value === 'string') copy.append(name, value);
    else copy.append(name, value, value.name);
  }
  return copy;
}

/** An error whose code says that the proxy refused; other errors keep their code. */
function proxyError(error: unknown): unknown {
  const causes: unknown[] = [];
  for (let at: unknown = error; at instanceof Error && causes.length < 5; at = at.cause) causes.push(at.message);
  const status = /Proxy response \((\d{3})\)/.exec(causes.join(' '))?.[1];
  if (status === undefined) return error;
  const code = status === '407' ? 'PROXY_AUTHENTICATION_REQUIRED' : `PROXY_REFUSED_${status}`;
  return Object.assign(new Error(code), { code });
}

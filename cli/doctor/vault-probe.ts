/** Sends one request without a key to collect facts that SDK responses do not contain. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { systemErrorCode } from '../shell/private-files.ts';
import { type ProxySetting, proxyFor } from '../shell/proxy-settings.ts';

export interface ProbeResult {
  readonly status: number;
  /** Whether the response is the API description of an Anima vault. */
  readonly isVault: boolean;
  /** TLS version; `proxied` for TLS through a proxy, whose version is not reported; undefined without TLS. */
  readonly tls: string | undefined;
  /**
   * Local clock minus the response's clock, milliseconds, with a resolution of one second; undefined if the response
   * has no time.
   */
  readonly skewMs: number | undefined;
  readonly tookMs: number;
}

const timeoutMs = 10_000;
const maxBodyLength = 4 * 1024 * 1024;

interface ProbeAnswer {
  readonly status: number;
  readonly date: string | undefined;
  readonly tls: string | undefined;
  readonly body: string;
}

/** Requests the API description. @throws CommandError with the cause of a connection failure */
export async function probeVault(
  base: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ProbeResult> {
  const url = new URL(`${base}/v1/openapi.json`);
  const proxy = proxyFor(url, env);
  const started = Date.now();
  try {
    const { status, date: header, tls, body } = await (proxy === undefined ? getDirectly(url) : getThrough(proxy, url));
    const date = Date.parse(header ?? '');
    return {
      status,
      isVault: status === 200 && isVaultDescription(body),
      tls,
      skewMs: Number.isNaN(date) ? undefined : Math.round((Date.now() - date) / 1000) * 1000,
      tookMs: Date.now() - started,
    };
  } catch (error) {
    const code = causeCode(error) ?? 'no answer';
    const through = proxy === undefined ? '' : ` through the proxy ${proxy.host} of ${proxy.variable}`;
    throw new CommandError(`${base} could not be reached${through} (${code})`, {
      exit: exitCodes.unavailable,
      next: remedyFor(code),
    });
  }
}

async function getThrough(proxy: ProxySetting, url: URL): Promise<ProbeAnswer> {
  const { fetchThroughProxy } = await import('../shell/proxy-fetch.ts');
  const answer = await fetchThroughProxy(proxy, url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  const tls = url.protocol === 'https:' ? 'proxied' : undefined;
  return { status: answer.status, date: answer.headers.get('date') ?? undefined, tls, body: await answer.text() };
}

async function getDirectly(url: URL): Promise<ProbeAnswer> {
  const { answer, body } = await httpGet(url);
  const tls = answer.socket instanceof TLSSocket ? (answer.socket.getProtocol() ?? undefined) : undefined;
  return { status: answer.statusCode ?? 0, date: answer.headers.date, tls, body };
}

/** The system error code of an error or its cause. */
const causeCode = (error: unknown): string | undefined =>
  systemErrorCode(error) ?? (error instanceof Error ? systemErrorCode(error.cause) : undefined);

function httpGet(url: URL): Promise<{ answer: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = request(url, { signal: AbortSignal.timeout(timeoutMs), agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > maxBodyLength) answer.destroy(new Error('the answer does not end'));
      });
      answer.once('end', () => resolve({ answer, body }));
      answer.once('error', reject);
    });
    sent.once('error', reject);
    sent.end();
  });
}

function isVaultDescription(body: string): boolean {
  try {
    const { openapi, paths }: { openapi?: unknown; paths?: unknown } = JSON.parse(body);
    return typeof openapi === 'string' && typeof paths === 'object' && paths !== null && '/v1/org' in paths;
  } catch {
    return false;
  }
}

function remedyFor(code: string): string {
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code)) {
    return 'Its certificate is not trusted. For a private certificate authority use NODE_EXTRA_CA_CERTS; never disable verification.';
  }
  if (code === 'PROXY_AUTHENTICATION_REQUIRED')
    return 'The proxy requires a user name and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.';
  if (code.startsWith('PROXY_REFUSED'))
    return 'The proxy does not permit connections to this host. Ask its administrator.';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The host name does not resolve. Check the address and DNS.';
  if (code === 'ECONNREFUSED')
    return 'No server listens there. Check that the vault is running; `anima dev` starts a local vault.';
  return 'Check the address, the network and its firewalls.';
}

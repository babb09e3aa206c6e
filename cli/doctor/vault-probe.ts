/** One request without a key, to learn of the address what no answer of the SDK tells. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { systemErrorCode } from '../shell/private-files.ts';

export interface ProbeResult {
  readonly status: number;
  /** Whether it is the API description of an Anima vault. */
  readonly isVault: boolean;
  /** The version of TLS; undefined without. */
  readonly tls: string | undefined;
  /** This clock less that of the answer, milliseconds, to the second; undefined when it tells no time. */
  readonly skewMs: number | undefined;
  readonly tookMs: number;
}

const timeoutMs = 10_000;
const maxBodyLength = 4 * 1024 * 1024;

/** Asks for the description of the API. @throws CommandError with what is wrong with the connection */
export async function probeVault(base: string): Promise<ProbeResult> {
  const url = new URL(`${base}/v1/openapi.json`);
  const started = Date.now();
  try {
    const { answer, body } = await httpGet(url);
    const date = Date.parse(answer.headers.date ?? '');
    return {
      status: answer.statusCode ?? 0,
      isVault: answer.statusCode === 200 && isVaultDescription(body),
      tls: answer.socket instanceof TLSSocket ? (answer.socket.getProtocol() ?? undefined) : undefined,
      skewMs: Number.isNaN(date) ? undefined : Math.round((Date.now() - date) / 1000) * 1000,
      tookMs: Date.now() - started,
    };
  } catch (error) {
    const code = systemErrorCode(error) ?? 'no answer';
    throw new CommandError(`${base} could not be reached (${code})`, {
      exit: exitCodes.unavailable,
      next: remedyFor(code),
    });
  }
}

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
    return 'Its certificate does not verify. With an own authority, name its certificate by NODE_EXTRA_CA_CERTS; never switch the check off.';
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The name does not resolve: look at the address and at DNS.';
  if (code === 'ECONNREFUSED') return 'Nothing listens there. Is the vault running? `anima dev` starts a local one.';
  return 'Look at the address, the network and its firewalls.';
}

/** Checks of the settings for connections: the proxy, and additional certificate authorities. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '../shell/private-files.ts';
import { directReason, proxyFor } from '../shell/proxy-settings.ts';
import type { Shell } from '../shell/shell.ts';
import { type Finding, fail, ok } from './finding.ts';

/** The proxy for the vault, in words. @throws CommandError for an invalid setting */
export function describeProxy(url: string, env: Shell['env']): string {
  const proxy = proxyFor(new URL(url), env);
  if (proxy !== undefined) return `connections to the vault use ${proxy.host} (${proxy.variable})`;
  const reason = directReason(new URL(url), env);
  return reason === undefined ? 'none is configured (HTTPS_PROXY)' : `not used: ${reason}`;
}

/** Node.js reads this file when it starts, and only warns if it cannot. */
export async function* checkExtraCertificates({ env }: Shell): AsyncGenerator<Finding> {
  const path = env.NODE_EXTRA_CA_CERTS;
  if (!path) return;
  const count = await countCertificates(path);
  if (typeof count === 'number' && count > 0) yield ok('certificates', `${count} of ${path} are trusted too`);
  else {
    const why = typeof count === 'number' ? 'it has no certificate in PEM form' : `it can’t be read (${count})`;
    yield fail(
      'certificates',
      `NODE_EXTRA_CA_CERTS is not used: ${why}`,
      `Check the file ${path}, or unset the variable.`,
    );
  }
}

/** The number of certificates in a PEM file, or the system error code. */
async function countCertificates(path: string): Promise<number | string> {
  try {
    const blocks = (await readFile(path, 'latin1')).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    return (blocks ?? []).filter(isCertificate).length;
  } catch (error) {
    return systemErrorCode(error) ?? 'unknown';
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== '';
  } catch {
    return false;
  }
}

/**
 * The proxy of the environment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, also in lower case, which takes precedence
 * as in curl. Connections to this machine never use a proxy.
 */
import { CommandError, exitCodes } from './command-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ProxySetting {
  /** Address of the proxy, which can contain a password; never print it. */
  readonly url: URL;
  /** Host and port, for messages. */
  readonly host: string;
  readonly variable: string;
}

/** The proxy for an address; undefined if it is reached directly. @throws CommandError for an invalid setting */
export function proxyFor(target: URL, env: Environment): ProxySetting | undefined {
  if (isLoopback(target.hostname)) return undefined;
  const wanted = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const found = [wanted, 'ALL_PROXY'].flatMap((name) => [name.toLowerCase(), name]).find((name) => !!env[name]);
  if (found === undefined || isExcluded(target, env.no_proxy || env.NO_PROXY || '')) return undefined;
  const text = env[found] ?? '';
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && url.hostname !== '' && /^https?:$/.test(url.protocol)) {
    return { url, host: url.host, variable: found };
  }
  throw new CommandError(`${found} is not the address of an HTTP proxy; nothing was sent`, {
    exit: exitCodes.usage,
    next: 'Use an address such as http://proxy.example.com:3128, or exclude the vault with NO_PROXY.',
  });
}

/** Why an address is reached without the configured proxy, for `anima doctor`; undefined if there is no proxy. */
export function directReason(target: URL, env: Environment): string | undefined {
  if (proxyFor(target, { ...env, NO_PROXY: '', no_proxy: '' }) !== undefined) return 'NO_PROXY excludes the vault';
  const isSet = ['HTTPS_PROXY', 'ALL_PROXY'].some((name) => !!env[name] || !!env[name.toLowerCase()]);
  return isSet && isLoopback(target.hostname) ? 'the vault is on this machine' : undefined;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || /^127\./.test(host) || host === '[::1]';

/**
 * Entries of NO_PROXY, separated by commas or blanks: `*`, a host with all hosts below it (with or without a leading dot or
 * `*.`), an IP address, or a range such as 10.0.0.0/8; each with an optional port.
 */
function isExcluded(target: URL, list: string): boolean {
  const host = target.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const { name, onlyPort } = splitPort(entry.toLowerCase());
    if (name === '' || (onlyPort !== undefined && onlyPort !== port)) return false;
    if (name.includes('/')) return isInRange(host, name);
    const suffix = name.replace(/^\*?\./, '');
    return host === suffix || host.endsWith(`.${suffix}`);
  });
}

function splitPort(entry: string): { name: string; onlyPort: string | undefined } {
  const [, bracketed, bracketedPort] = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) return { name: bracketed, onlyPort: bracketedPort };
  // An IPv6 address without brackets has several colons, and no port.
  const [, name, onlyPort] = /^([^:]*):(\d+)$/.exec(entry) ?? [];
  return name === undefined ? { name: entry, onlyPort: undefined } : { name, onlyPort };
}

function isInRange(host: string, range: string): boolean {
  const { BlockList, isIP } = process.getBuiltinModule('node:net');
  const [network = '', length = ''] = range.split('/');
  const [family, hostFamily] = [isIP(network), isIP(host)];
  if (
    family === 0 ||
    family !== hostFamily ||
    !/^\d{1,3}$/.test(length) ||
    Number(length) > (family === 4 ? 32 : 128)
  ) {
    return false;
  }
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(network, Number(length), kind);
  return block.check(host, kind);
}

/**
 * The values that a host may have received from an earlier server. A server keeps the values that it used in memory
 * only. After a restart, the host could repeat such a value in the response to a request that does not contain it.
 * Before its first request to a host, a server therefore reads every value that may be sent there.
 */

import { InvalidUsageRuleError } from '../../egress/rules/invalid-usage-rule.ts';
import { coversHostname, isUsableValue, parseUsageRules } from '../../egress/rules/usage-rules.ts';
import {
  type Anima,
  AnimaError,
  type AnimaErrorCode,
  type CallOptions,
  type Value,
  type ValueInfo,
} from '../../sdk/src/index.ts';
import { isGeneratedByModel, type Metadata } from '../secrets/value-metadata.ts';
import { inParallel } from '../shell/parallel.ts';
import { ToolRefusal } from './tool-refusal.ts';
import type { SearchedText } from './used-value-history.ts';

/** Maximum number of concurrent reads. */
const maxConcurrentReads = 8;

export class HostValues {
  readonly #byHostname = new Map<string, Promise<readonly SearchedText[]>>();

  /**
   * The values, in all kept versions, of which the metadata allows this host. Read once per host; a failed read is
   * repeated by the next request.
   * @throws ToolRefusal if the key cannot list the values of the folder
   */
  async of({ hostname }: URL, client: Anima, folder: string, call: CallOptions): Promise<readonly SearchedText[]> {
    const read = this.#byHostname.get(hostname) ?? readHostValues(hostname, client, folder, call);
    this.#byHostname.set(hostname, read);
    try {
      return await read;
    } catch (error) {
      this.#byHostname.delete(hostname);
      throw error;
    }
  }
}

async function readHostValues(
  hostname: string,
  client: Anima,
  folder: string,
  call: CallOptions,
): Promise<readonly SearchedText[]> {
  const all = await client.vault
    .list({ ...call, prefix: folder, pageSize: 1000 })
    .toArray()
    .catch(refuseIfForbidden(folder));
  const infos = all.filter((info) => info.name.startsWith(folder) && allowsHostname(info.metadata, hostname));
  const reads = (
    await inParallel(infos, maxConcurrentReads, (info) => versionsToRead(info, hostname, client, call))
  ).flat();
  const values = await inParallel(reads, maxConcurrentReads, ({ name, version }) =>
    readIfPresent(client, name, version, call),
  );
  return values.flatMap((value) =>
    value !== undefined && isUsableValue(value.value)
      ? [{ text: value.value, isByModel: isGeneratedByModel(value.metadata) }]
      : [],
  );
}

interface VersionName {
  readonly name: string;
  readonly version: number;
}

/** The current version, and the older ones that a placeholder with a version could have sent to the host. */
async function versionsToRead(
  { name, version }: ValueInfo,
  hostname: string,
  client: Anima,
  call: CallOptions,
): Promise<VersionName[]> {
  if (version === 1) return [{ name, version }];
  const kept = await client.vault.versions(name, call);
  return kept
    .filter(({ metadata }) => allowsHostname(metadata, hostname))
    .map((older) => ({ name, version: older.version }));
}

const absentCodes: readonly AnimaErrorCode[] = ['value_not_found', 'version_not_found', 'value_expired', 'forbidden'];

/** A value, unless it was deleted or has expired since it was listed. */
async function readIfPresent(
  client: Anima,
  name: string,
  version: number,
  call: CallOptions,
): Promise<Value | undefined> {
  try {
    return await client.vault.getWithInfo(name, { ...call, version });
  } catch (error) {
    if (error instanceof AnimaError && absentCodes.includes(error.code)) return undefined;
    throw error;
  }
}

/** Whether valid rules allow the host, with any scheme and port: servers at several ports share what they know. */
function allowsHostname(metadata: Metadata, hostname: string): boolean {
  try {
    return parseUsageRules(metadata).hosts.some((rule) => coversHostname(rule, hostname));
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) return false;
    throw error;
  }
}

const refuseIfForbidden =
  (folder: string) =>
  (error: unknown): never => {
    if (!(error instanceof AnimaError) || error.code !== 'forbidden') throw error;
    throw new ToolRefusal(
      `This server's key must have permission to list ${folder === '' ? 'all names' : folder}, so that responses can be searched ` +
        'for every secret that the host may know. Nothing was sent. Ask the user to start the server with a --prefix that the key allows',
    );
  };

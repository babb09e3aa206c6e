import type { AuditRecord } from '../../../contract/audit/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, formatTimeArgument } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { AuditExport, type AuditList, List } from '../shared/paginated-list.ts';

export interface AuditOptions extends CallOptions {
  /** Times of the records: from, inclusive, to, exclusive; a Date or an RFC 3339 time each. */
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  /** Id of an API key, or the ARN of the operator. */
  principal?: string | undefined;
  /** A name exactly, or with a slash at the end all names below it. */
  name?: string | undefined;
  verb?: AuditRecord['verb'] | undefined;
  /** Records of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/** What was done in the organization, by whom and with what result. Names and ids, never values. */
export class Audit {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Records that match every option, oldest first: `for await (const record of audit.query({ name: 'prod/' }))`. */
  query(options: AuditOptions = {}): AuditList {
    const { principal, name, verb, pageSize } = options;
    const from = formatTimeArgument('from', options.from);
    const to = formatTimeArgument('to', options.to);
    const limit = checkInteger('pageSize', pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new List(
      async (cursor) => {
        const query = { from, to, principal, name, verb, limit, cursor };
        return this.#transport.request({ route: 'queryAudit', query }, settings, (await loadLazyModules()).decodeAudit);
      },
      ({ records }) => records,
    );
  }

  /**
   * All records that are sealed, with the signed seals over them, oldest first: `for await (const { seal, records } of
   * audit.export())`, or `.lines()` for a file to be verified offline.
   */
  export(options: CallOptions = {}): AuditExport {
    const settings = this.#transport.callSettings(options);
    return new AuditExport(
      async (cursor) => {
        const { decodeExport } = await loadLazyModules();
        return this.#transport.request({ route: 'exportAudit', query: { cursor } }, settings, decodeExport);
      },
      ({ seals }) => seals,
    );
  }
}

import type { AuditRecord } from '../../../contract/audit/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, formatTimeArgument } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { AuditExport, type AuditList, List } from '../shared/paginated-list.ts';

export interface AuditOptions extends CallOptions {
  /** Time range of the records: `from` is inclusive, `to` is exclusive. Each is a Date or an RFC 3339 time. */
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  /** Id of an API key, or ARN of the operator. */
  principal?: string | undefined;
  /** An exact name, or a prefix that ends in a slash for all names below it. */
  name?: string | undefined;
  verb?: AuditRecord['verb'] | undefined;
  /** Records per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/**
 * The organization's audit records: which operations ran, by whom, and with what result. They contain names and ids,
 * never values.
 */
export class Audit {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists records that match all options, oldest first: `for await (const record of audit.query({ name: 'prod/' }))`.
   */
  query(options: AuditOptions = {}): AuditList {
    const { principal, name, verb, pageSize } = options;
    const from = formatTimeArgument('from', options.from);
    const to = formatTimeArgument('to', options.to);
    const limit = checkInteger('pageSize', pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'from', 'to', 'principal', 'name', 'verb', 'pageSize');
    return new List(
      async (cursor) => {
        const query = { from, to, principal, name, verb, limit, cursor };
        return (await loadLazyModules()).auditPage(this.#transport, query, settings);
      },
      ({ records }) => records,
    );
  }

  /**
   * Exports all sealed records with the signed seals over them, oldest first: `for await (const { seal, records } of
   * audit.export())`. Use `.lines()` to write a file for offline verification.
   */
  export(options: CallOptions = {}): AuditExport {
    const settings = this.#transport.callSettings(options);
    return new AuditExport(
      async (cursor) => (await loadLazyModules()).auditExportPage(this.#transport, { cursor }, settings),
      ({ seals }) => seals,
    );
  }
}

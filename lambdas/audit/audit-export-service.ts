/** Exports the audit for verification: each seal with the records that it covers. */
import type { AuditRecord, ExportAuditResponse } from '../../contract/audit/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Seal } from '../../core/audit/audit-seal.ts';
import { firstTimeIdAt, greatestTimeId } from '../../core/encoding/time-ordered-id.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import type { AuditHeads } from './audit-heads.ts';
import type { AuditReader, SealOrgAudit, StoredHead } from './audit-ports.ts';

/** Maximum number of seals and records per page, in addition to the limit on reply bytes. */
const sealsPerPage = 500;
const recordsPerPage = 1000;
/** Seals are read in groups, because a page can be full after one of them. Objects of a group are read concurrently. */
const sealsPerGroup = 32;
/**
 * Maximum number of records returned beyond the number that the seals cover. Returning some of them lets the verifier
 * detect added records.
 */
const maxUncoveredRecords = 100;
const sealEnvelopeBytes = 50;

interface AuditExportPorts {
  readonly records: AuditReader;
  readonly heads: AuditHeads;
  readonly sealOrg: SealOrgAudit;
  readonly clock: Clock;
}

export class AuditExportService {
  readonly #ports: AuditExportPorts;

  constructor(ports: AuditExportPorts) {
    this.#ports = ports;
  }

  /**
   * One page of the export: complete seals with their records, oldest first. The request for the first page first seals
   * the records that are old enough. Seals come from the locked bucket only, so a writer of the table can neither
   * remove nor replace one.
   * @throws VaultError `invalid_cursor`, `unavailable`; AuditHeadConflict if the heads cannot be listed
   */
  async export(org: string, cursor: string | undefined): Promise<ExportAuditResponse> {
    const scope = [org, 'seals', ''] as const;
    if (cursor === undefined) await this.#ports.sealOrg(org);
    const after = cursor === undefined ? 0 : parseSealNumber(decodeCursor(cursor, scope));
    const { seals, more } = await this.#readSeals(org, after);
    const pageSeals = seals.slice(0, countSealsThatFit(seals));
    const { found, reached } = await this.#readRecordsOf(org, pageSeals);
    const batches: ExportAuditResponse['seals'] = [];
    let bytes = 0;
    for (const { jws, seal } of pageSeals) {
      if (batches.length > 0 && seal.to > reached) break;
      const records = found.filter(({ id }) => id >= seal.from && id < seal.to);
      bytes += records.reduce((sum, record) => sum + replyBytes(record), jws.length + sealEnvelopeBytes);
      if (batches.length > 0 && bytes > limits.batchReplyBytes) break;
      batches.push({ seal: jws, records });
    }
    const last = pageSeals[batches.length - 1];
    if (last === undefined || (batches.length === seals.length && !more)) return { seals: batches };
    return { seals: batches, cursor: encodeCursor(scope, String(last.seq)) };
  }

  /** The next seals: as many as a page can hold, or a few more. */
  async #readSeals(org: string, after: number): Promise<{ seals: readonly ExportedSeal[]; more: boolean }> {
    const { items, more } = await this.#ports.heads.list(org, after, sealsPerPage);
    const seals: ExportedSeal[] = [];
    while (seals.length < items.length && countSealsThatFit(seals) === seals.length) {
      const group = items.slice(seals.length, seals.length + sealsPerGroup);
      seals.push(...(await mapConcurrent(group, sealsPerGroup, (head) => this.#readSeal(org, head))));
    }
    return { seals, more: more || seals.length < items.length };
  }

  /** An invalid one is exported without records, so that the verifier reports it and the rest can be verified. */
  async #readSeal(org: string, stored: StoredHead): Promise<ExportedSeal> {
    const head = await this.#ports.heads.verify(org, stored);
    return { seq: stored.seq, jws: head?.jws ?? '', seal: head?.seal ?? invalidSeal };
  }

  /**
   * Records of consecutive seals, as far as they are still kept. `reached` is the ID up to which all records were read.
   */
  async #readRecordsOf(
    org: string,
    seals: readonly ExportedSeal[],
  ): Promise<{ found: readonly AuditRecord[]; reached: string }> {
    const now = this.#ports.clock();
    const kept = seals.filter(
      ({ seal }) => seal !== invalidSeal && (seal.keptUntil === undefined || new Date(seal.keptUntil) > now),
    );
    const first = kept[0]?.seal;
    const end = kept.at(-1)?.seal.to;
    if (first === undefined || end === undefined || first.from >= end) return { found: [], reached: greatestTimeId };
    const maxRecords = kept.reduce((sum, { seal }) => sum + seal.count, maxUncoveredRecords);
    const found: AuditRecord[] = [];
    for (let from = first.from; ; ) {
      const { items, more } = await this.#ports.records.listRecords(org, from, end, maxRecords - found.length + 1);
      // Malformed items are omitted, and they do not count: any number of them must not keep records from the export.
      for (const { id, stored } of items)
        if (stored !== undefined && id !== found.at(-1)?.id) found.push(stored.record);
      const last = items.at(-1)?.id;
      if (!more || last === undefined || last >= end) return { found, reached: greatestTimeId };
      if (found.length > maxRecords || last === from) return { found, reached: last };
      from = last;
    }
  }
}

interface ExportedSeal {
  readonly seq: number;
  readonly jws: string;
  readonly seal: Pick<Seal, 'from' | 'to' | 'count' | 'keptUntil'>;
}

/** Stands for an invalid stored seal. */
const invalidSeal: ExportedSeal['seal'] = { from: firstTimeIdAt(0), to: firstTimeIdAt(0), count: 0 };

/** Number of seals that fit on one page by their record counts; at least one if there is one. */
function countSealsThatFit(seals: readonly ExportedSeal[]): number {
  let records = 0;
  const end = seals.findIndex(({ seal }, index) => {
    records += seal.count;
    return index > 0 && records > recordsPerPage;
  });
  return end < 0 ? seals.length : end;
}

function parseSealNumber(text: string): number {
  const seq = Number(text);
  if (!/^[1-9][0-9]{0,11}$/.test(text)) throw new VaultError('invalid_cursor');
  return seq;
}

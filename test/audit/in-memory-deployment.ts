/** The audit of one deployment on memory ports, with a settable clock. */
import { AuditVerifier } from '../../core/audit/audit-verifier.ts';
import { AuditExportService } from '../../lambdas/audit/audit-export-service.ts';
import { AuditHeads } from '../../lambdas/audit/audit-heads.ts';
import { AuditLogWriter } from '../../lambdas/audit/audit-log-writer.ts';
import { AuditQueryService } from '../../lambdas/audit/audit-query-service.ts';
import { AuditSealService } from '../../lambdas/audit/audit-seal-service.ts';
import { ScheduledSealRun } from '../../lambdas/audit/scheduled-seal-run.ts';
import type { AuditEvent } from '../../lambdas/shared/audit-log.ts';
import { firstRecordTime, readSeal } from './export-fixtures.ts';
import { InMemoryAuditHeads } from './in-memory-audit-heads.ts';
import { InMemoryAuditStore } from './in-memory-audit-store.ts';

/** One deployment on memory ports. */
export function deployment({ retentionDays = 400 } = {}) {
  const store = new InMemoryAuditStore();
  const time = { now: firstRecordTime };
  const clock = () => new Date(time.now);
  const newTrail = () => new AuditLogWriter(store, retentionDays, clock);
  const trail = newTrail();
  const heads = new InMemoryAuditHeads();
  /** Orgs whose tripwires were reported, in order, and what a report waits for. */
  const reports = { orgs: [] as string[], wait: async () => {} };
  const reportTripwires = async (org: string) => {
    reports.orgs.push(org);
    await reports.wait();
  };
  /** A function environment: it remembers nothing of others. */
  const newSealer = (at = clock) => {
    const ports = { records: store, store: heads, heads: new AuditHeads(heads, store.signer), signer: store.signer };
    return new AuditSealService({ ...ports, reportTripwires, clock: at });
  };
  const sealer = newSealer();
  const sweep = new ScheduledSealRun(sealer, store, clock);
  const reading = new AuditQueryService(store, clock);
  // The sealer's failures are only in its log (lambda-seal-client.ts).
  const sealOrg = async (org: string) => {
    await sealer.seal(org, { sealEmptyRange: true }).catch(() => undefined);
  };
  const exporting = new AuditExportService({
    records: store,
    heads: new AuditHeads(heads, store.signer),
    sealOrg,
    clock,
  });
  const facts = (org: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
    org,
    principal: 'abcdefghjkmnpqrs',
    route: 'getValue',
    verb: 'values.read',
    name: 'a',
    result: 'ok',
    requestId: 'r',
    sourceIp: '203.0.113.7',
    ...more,
  });
  /** Writes records, one a second. */
  const write = async (org: string, count: number, more: (n: number) => Partial<AuditEvent> = () => ({})) => {
    for (let n = 0; n < count; n++) {
      await trail.write(facts(org, more(n)), 1000);
      time.now += 1000;
    }
  };
  /** The whole export, verified. */
  const exported = async (org: string, expected: Parameters<AuditVerifier['finish']>[0] = {}) => {
    const verifier = new AuditVerifier(readSeal);
    let cursor: string | undefined;
    let pages = 0;
    let records = 0;
    do {
      const page = await exporting.export(org, cursor);
      for (const { seal, records: covered } of page.seals) {
        for (const one of covered) verifier.addLine(JSON.parse(JSON.stringify(one)));
        verifier.addLine({ seal });
        records += covered.length;
      }
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    return { pages, records, ...verifier.finish(expected) };
  };
  const audit = { newTrail, trail, reading, exporting, facts, write, exported };
  return { ...audit, store, heads, time, reports, sealer, newSealer, sweep };
}

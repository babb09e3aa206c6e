/**
 * The published versions of the functions. A version is a copy of the code and configuration that never changes. The
 * code is stored by its digest, so that versions with the same code share it.
 * Source: Lambda developer guide, "Manage Lambda function versions".
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import { functionSchema } from '../cloudformation/resource-schemas.ts';
import type { VersionPublisher } from '../cloudformation/template-functions.ts';
import { makePrivateFolder, openRecordFolder, readFileIfExists, writeFileAtomically } from '../shared/durable-files.ts';

const specSchema = functionSchema.extend({
  logicalId: z.string(),
  functionName: z.string(),
  functionArn: z.string(),
  version: z.string(),
  codeFolder: z.string(),
});

const recordSchema = z.record(
  z.string(),
  z.object({
    /** Numbers are never reused, even if the version was deleted. */
    lastNumber: z.number().int(),
    /** The digest of code and configuration of the version with that number. */
    lastDigest: z.string(),
    versions: z.array(z.object({ codeDigest: z.string(), spec: specSchema })),
  }),
);
type FunctionRecord = z.infer<typeof recordSchema>[string];

/** Settings that Lambda does not store with a version. `Code` is only where the code was uploaded. */
const unversionedSettings: ReadonlySet<string> = new Set([
  'Code',
  'Tags',
  'ReservedConcurrentExecutions',
  'codeFolder',
]);

export class FunctionVersions implements VersionPublisher {
  readonly #folder: string | null;
  #records: Readonly<Record<string, FunctionRecord>> = {};

  /** @param folder null keeps versions in memory, with the code where it was published from */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder === null) return;
    openRecordFolder(folder);
    makePrivateFolder(codeRoot(folder));
    const stored = readFileIfExists(recordFile(folder));
    if (stored !== undefined) this.#records = recordSchema.parse(JSON.parse(stored));
  }

  /** Publishes a version. If neither code nor configuration has changed, returns the newest version instead. */
  publish(latest: FunctionSpec): FunctionSpec {
    const codeDigest = digestFolder(latest.codeFolder);
    const digest = digestSpec(latest, codeDigest);
    const record = this.#records[latest.functionName];
    const newest = record && this.get(latest.functionName, String(record.lastNumber));
    if (newest !== undefined && record?.lastDigest === digest) return newest;
    const lastNumber = record?.lastDigest === digest ? record.lastNumber : (record?.lastNumber ?? 0) + 1;
    const codeFolder = this.#keepCode(latest.codeFolder, codeDigest);
    const spec: FunctionSpec = { ...latest, version: String(lastNumber), codeFolder };
    const versions = [...(record?.versions ?? []), { codeDigest, spec }];
    this.#store({ ...this.#records, [latest.functionName]: { lastNumber, lastDigest: digest, versions } });
    return spec;
  }

  /** A version that still exists. */
  get(functionName: string, version: string): FunctionSpec | undefined {
    return this.#records[functionName]?.versions.find(({ spec }) => spec.version === version)?.spec;
  }

  all(): FunctionSpec[] {
    return Object.values(this.#records).flatMap(({ versions }) => versions.map(({ spec }) => spec));
  }

  /** Deletes the versions that are not needed, and code that no version uses. */
  deleteUnless(isNeeded: (spec: FunctionSpec) => boolean): void {
    const kept = Object.entries(this.#records).map(([name, record]): [string, FunctionRecord] => [
      name,
      { ...record, versions: record.versions.filter(({ spec }) => isNeeded(spec)) },
    ]);
    this.#store(Object.fromEntries(kept));
    if (this.#folder === null) return;
    const used = new Set(kept.flatMap(([, { versions }]) => versions.map(({ codeDigest }) => codeDigest)));
    for (const name of readdirSync(codeRoot(this.#folder))) {
      if (!used.has(name)) rmSync(join(codeRoot(this.#folder), name), { recursive: true, force: true });
    }
  }

  #store(records: Readonly<Record<string, FunctionRecord>>): void {
    if (this.#folder !== null) writeFileAtomically(recordFile(this.#folder), JSON.stringify(records));
    this.#records = records;
  }

  /** Copies the code. A process that ends during the copy leaves a folder with another name, which is deleted later. */
  #keepCode(source: string, digest: string): string {
    if (this.#folder === null) return source;
    const target = join(codeRoot(this.#folder), digest);
    if (existsSync(target)) return target;
    const draft = `${target}.draft`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(source, draft, { recursive: true });
    renameSync(draft, target);
    return target;
  }
}

const recordFile = (folder: string): string => join(folder, 'versions.json');
const codeRoot = (folder: string): string => join(folder, 'code');

function digestSpec(spec: FunctionSpec, codeDigest: string): string {
  const { version: _, ...settings } = spec;
  const versioned = Object.entries(settings).filter(([name]) => !unversionedSettings.has(name));
  return createHash('sha256')
    .update(JSON.stringify([codeDigest, versioned.sort()]))
    .digest('hex');
}

function digestFolder(folder: string): string {
  const hash = createHash('sha256');
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).sort()) {
    const content = readFileSync(path);
    hash.update(`${JSON.stringify(path.slice(folder.length))} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

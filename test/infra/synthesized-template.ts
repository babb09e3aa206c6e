import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { afterAll } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { type BackgroundFunction, backgroundFunctions, type RouteGroup, routeGroups } from '../../contract/routes.ts';

/** The common properties of all template resources. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: string | string[];
}

export interface Synthesized {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Folder of the cloud assembly. */
  readonly directory: string;
}

const scratch = mkdtempSync(join(tmpdir(), 'anima-lib-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Creates a folder that is removed after the tests of the file. */
export const temporaryFolder = (): string => mkdtempSync(join(scratch, 'folder-'));

/** The name of a function's entry. */
export type Entry = RouteGroup | BackgroundFunction;
export const entries: readonly Entry[] = [...routeGroups, ...backgroundFunctions];

/** Entries that return their name, through a CommonJS module that requires a Node.js module. */
const tinyHandlers = (folder: string): string => {
  writeFileSync(join(folder, 'group.cjs'), "exports.of = (g) => [g, typeof require('node:os').EOL].join();");
  for (const entry of entries) {
    writeFileSync(
      join(folder, `${entry}.ts`),
      `import { of } from './group.cjs';\nexport const handler = async (): Promise<string> => of('${entry}');\n`,
    );
  }
  return folder;
};

/** The sources of a page with one word. */
export const tinyPage = (word: string): string => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'main.ts'), `const word: string = '${word}';\ndocument.body.textContent = word;\n`);
  writeFileSync(join(folder, 'style.css'), 'body { color: red; }\n');
  writeFileSync(join(folder, 'index.html'), '<!doctype html><style></style><body><script></script>\n');
  return folder;
};

/** The app with tiny handlers and a tiny page, not yet synthesized. */
export const appForTest = (context: Record<string, unknown> = {}, page = tinyPage('page')): App => {
  const folder = temporaryFolder();
  return vaultApp({ context, handlers: tinyHandlers(folder), page, outdir: join(folder, 'out') });
};

export const synthesize = (app: App): Synthesized => {
  const stack = app.synth().getStackArtifact('Vault');
  const template: { Resources: Record<string, Resource>; Outputs: Record<string, unknown> } = stack.template;
  return { resources: template.Resources, outputs: template.Outputs, directory: stack.assembly.directory };
};

export const ofType = (template: Synthesized, type: string): [string, Resource][] =>
  Object.entries(template.resources).filter(([, resource]) => resource.Type === type);

/** The only resource of a type. Throws if there is not exactly one. */
export const only = (template: Synthesized, type: string): [string, Resource] => {
  const [first, ...more] = ofType(template, type);
  if (first === undefined || more.length > 0) throw new Error(`expected one ${type}`);
  return first;
};

/** The logical ID of a `Ref` or `Fn::GetAtt`. */
export const target = (value: unknown): string => {
  const found = /\{"(?:Ref":|Fn::GetAtt":\[)"([A-Za-z0-9]+)"/.exec(JSON.stringify(value))?.[1];
  if (found === undefined) throw new Error(`no reference in ${JSON.stringify(value)}`);
  return found;
};

/** Names of tables by the prefix of their logical ID. */
const tableNames: Readonly<Record<string, string>> = {
  KeyringsTable: 'keyring',
  ApiKeysTable: 'apiKey',
  ValuesTable: 'value',
  AuditTable: 'audit',
  RotationsTable: 'rotation',
  BlobRecordsTable: 'blob',
  UserCustodyKeyringsTable: 'userKeyring',
  UserCustodyRecordsTable: 'userRecord',
  UserCustodyDeliveriesTable: 'delivery',
};

export const tables = (template: Synthesized): Record<string, [string, Resource]> =>
  Object.fromEntries(
    ofType(template, 'AWS::DynamoDB::Table').map((entry) => {
      return [tableNames[entry[0].slice(0, -8)] ?? 'unknown', entry];
    }),
  );

/** Names of KMS keys by the prefix of their logical ID. */
const keyNames: Readonly<Record<string, string>> = {
  KekKey: 'kek',
  SigningKey: 'signingKey',
  RecordsKey: 'recordsKey',
  UserCustodyOpeningKey: 'custodyKey',
  UserCustodyCodeKey: 'codeKey',
  UserCustodyRoutingKey: 'routingKey',
  UserCustodyTransitKey: 'transitKey',
};

export const keys = (template: Synthesized): Record<string, [string, Resource]> =>
  Object.fromEntries(
    ofType(template, 'AWS::KMS::Key').map((entry) => [keyNames[entry[0].slice(0, -8)] ?? 'unknown', entry]),
  );

/** Names of buckets by the prefix of their logical ID. */
const bucketNames: Readonly<Record<string, string>> = {
  BlobObjectsBucket: 'object',
  LockedBucket: 'locked',
  PageBucket: 'page',
};

export const buckets = (template: Synthesized): Record<string, [string, Resource]> =>
  Object.fromEntries(
    ofType(template, 'AWS::S3::Bucket').map((entry) => [bucketNames[entry[0].slice(0, -8)] ?? 'unknown', entry]),
  );

/** Finds the function of an entry by its description. */
export const functionOf = (template: Synthesized, entry: Entry): [string, Resource] => {
  const found = ofType(template, 'AWS::Lambda::Function').find(
    ([, fn]) => fn.Properties.Description === `Anima Vault: ${entry}`,
  );
  if (found === undefined) throw new Error(`no function for ${entry}`);
  return found;
};

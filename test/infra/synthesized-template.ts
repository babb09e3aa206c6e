import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { afterAll, expect } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { type BackgroundFunction, backgroundFunctions, type RouteGroup, routeGroups } from '../../contract/routes.ts';

/** The common properties of all template resources. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly UpdatePolicy?: { readonly CodeDeployLambdaAliasUpdate?: { readonly DeploymentGroupName: unknown } };
  readonly DependsOn?: string | string[];
}

interface Output {
  readonly Value: unknown;
  readonly Export?: { readonly Name: string };
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, Output>>;
}

export interface Synthesized {
  /**
   * The resources of both stacks. Imports of the code stack are replaced by the references that the data stack exports.
   */
  readonly resources: Readonly<Record<string, Resource>>;
  /** The outputs of both stacks that are no exports. */
  readonly outputs: Readonly<Record<string, Output>>;
  /** The templates as written. */
  readonly stacks: { readonly data: Template; readonly code: Template; readonly operations: Template };
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
const tinySources = (word: string): string => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'main.ts'), `const word: string = '${word}';\ndocument.body.textContent = word;\n`);
  writeFileSync(join(folder, 'style.css'), 'body { color: red; }\n');
  writeFileSync(join(folder, 'index.html'), '<!doctype html><style></style><body><script></script>\n');
  return folder;
};

/** The same, with an owner's page in it. */
export const tinyPage = (word: string): string => {
  const folder = tinySources(word);
  renameSync(tinySources(`owner ${word}`), join(folder, 'owner'));
  writeFileSync(
    join(folder, 'owner/src/service-worker.ts'),
    `const file: string = 'worker of ${word}';\nself.name = file;\n`,
  );
  writeFileSync(join(folder, 'owner/manifest.webmanifest'), '{}');
  writeFileSync(join(folder, 'owner/icon.png'), 'icon');
  return folder;
};

/** The app with tiny handlers and a tiny page, not yet synthesized. */
export const appForTest = (context: Record<string, unknown> = {}, page = tinyPage('page')): App => {
  const folder = temporaryFolder();
  return vaultApp({ context, handlers: tinyHandlers(folder), page, outdir: join(folder, 'out') });
};

export const synthesize = (app: App): Synthesized => {
  const assembly = app.synth();
  const data: Template = assembly.getStackArtifact('Data').template;
  const code: Template = assembly.getStackArtifact('Vault').template;
  const operations: Template = assembly.getStackArtifact('Operations').template;
  const all = { ...data.Outputs, ...code.Outputs };
  return {
    resources: {
      ...data.Resources,
      ...withoutImports(code.Resources, all),
      ...withoutImports(operations.Resources, all),
    },
    outputs: Object.fromEntries(Object.entries(all).filter(([, { Export }]) => Export === undefined)),
    stacks: { data, code, operations },
    directory: assembly.directory,
  };
};

const withoutImports = (resources: Template['Resources'], outputs: Readonly<Record<string, Output>>) => {
  const exported = new Map(Object.values(outputs).map(({ Value, Export }) => [Export?.Name, Value]));
  const replaced: Template['Resources'] = JSON.parse(JSON.stringify(resources), (_, value) => {
    const name: unknown = value?.['Fn::ImportValue'];
    return name === undefined ? value : exported.get(String(name));
  });
  return replaced;
};

export const ofType = (template: Synthesized, type: string): [string, Resource][] =>
  Object.entries(template.resources).filter(([, resource]) => resource.Type === type);

/** The resource of a type that belongs to the link page, or to the owner's page. */
export const ofPage = (template: Synthesized, page: 'link' | 'owner', type: string): [string, Resource] => {
  const found = ofType(template, type).filter(([id]) => id.startsWith('PageOwner') === (page === 'owner'));
  const [first, ...more] = found;
  if (first === undefined || more.length > 0) throw new Error(`expected one ${type} of the ${page} page`);
  return first;
};

/** The only resource of a type. Throws if there is not exactly one. */
export const only = (template: Synthesized, type: string): [string, Resource] => {
  const [first, ...more] = ofType(template, type);
  if (first === undefined || more.length > 0) throw new Error(`expected one ${type}`);
  return first;
};

/** The HTTP API, or the WebSocket API. */
export const apiOf = (template: Synthesized, protocol: 'HTTP' | 'WEBSOCKET'): [string, Resource] =>
  ofType(template, 'AWS::ApiGatewayV2::Api').find(([, { Properties }]) => Properties.ProtocolType === protocol) ??
  expect.fail(`no API for ${protocol}`);

/** The stage of an API. */
export const stageOf = (template: Synthesized, protocol: 'HTTP' | 'WEBSOCKET'): [string, Resource] =>
  ofType(template, 'AWS::ApiGatewayV2::Stage').find(
    ([, { Properties }]) => target(Properties.ApiId) === apiOf(template, protocol)[0],
  ) ?? expect.fail(`no stage for ${protocol}`);

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
  DeviceCustodyRostersTable: 'deviceRoster',
  DeviceCustodyLogsTable: 'deviceLog',
  SessionCustodyDirectoriesTable: 'directory',
  SessionCustodyMailboxesTable: 'mailbox',
  BrokerTable: 'brokerRecord',
  ApprovalsQuestionsTable: 'approval',
  LoginsTable: 'login',
  SecretRequestsTable: 'secretRequest',
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
  SessionCustodyPushKey: 'pushKey',
  RecordsKey: 'recordsKey',
  ApprovalsBrokerKey: 'brokerKey',
  SecretRequestKey: 'secretRequestKey',
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

/** Logical ID of the function that an alias routes to; the ID of any other resource. */
const behindAlias = (template: Synthesized, id: string): string => {
  const resource = template.resources[id];
  return resource?.Type === 'AWS::Lambda::Alias' ? target(resource.Properties.FunctionName) : id;
};

/** The alias of the function of an entry. */
export const aliasOf = (template: Synthesized, entry: Entry): [string, Resource] => {
  const [id] = functionOf(template, entry);
  const found = ofType(template, 'AWS::Lambda::Alias').find(([alias]) => behindAlias(template, alias) === id);
  if (found === undefined) throw new Error(`no alias for ${entry}`);
  return found;
};

/** Finds the function of an entry by its description. */
export const functionOf = (template: Synthesized, entry: Entry): [string, Resource] => {
  const found = ofType(template, 'AWS::Lambda::Function').find(
    ([, fn]) => fn.Properties.Description === `Anima Vault: ${entry}`,
  );
  if (found === undefined) throw new Error(`no function for ${entry}`);
  return found;
};

/** Copies of a cloud assembly with another build of a function, or with other aliases, as after an upgrade. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

interface TemplateResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** One stack of the copy. Tests change its resources. */
interface ChangeableStack {
  readonly resources: Record<string, TemplateResource>;
  /** The logical ID of the function whose ID starts with this text; undefined if another stack has it. */
  functionId(start: string): string | undefined;
}

export interface ChangedAssembly {
  readonly folder: string;
  remove(): void;
}

/** Copies an assembly. `change` receives every stack. */
export function changedAssembly(
  source: string,
  change: (stack: ChangeableStack, editCode: EditCode) => void,
): ChangedAssembly {
  const folder = mkdtempSync(join(tmpdir(), 'anima-changed-'));
  cpSync(source, folder, { recursive: true });
  const assetFolders = readAssetFolders(folder);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.template.json'))) {
    const template = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const resources: Record<string, TemplateResource> = template.Resources;
    const functionId = (start: string) =>
      Object.keys(resources).find((id) => id.startsWith(start) && resources[id]?.Type === 'AWS::Lambda::Function');
    change({ resources, functionId }, (id, edit) => {
      const { S3Key = '' } = Object(resources[id]?.Properties.Code);
      const path = join(folder, assetFolders.get(S3Key) ?? expect.fail(`no code of ${id}`), 'index.mjs');
      const before = readFileSync(path, 'utf8');
      const after = edit(before);
      expect(after, 'the edit changes nothing').not.toBe(before);
      writeFileSync(path, after);
    });
    writeFileSync(join(folder, file), JSON.stringify(template));
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Replaces the bundle of the function with this logical ID. The edit must change it. */
type EditCode = (functionId: string, edit: (code: string) => string) => void;

function readAssetFolders(folder: string): ReadonlyMap<string, string> {
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.assets.json'));
  return new Map(
    manifests.flatMap((name) => {
      const files: Record<string, { source: { path: string }; destinations: Record<string, { objectKey: string }> }> =
        JSON.parse(readFileSync(join(folder, name), 'utf8')).files;
      return Object.values(files).flatMap(({ source, destinations }) =>
        Object.values(destinations).map(({ objectKey }): [string, string] => [objectKey, source.path]),
      );
    }),
  );
}

/** Publishes a function and returns a reference to its alias `test`. @param additional another version and its weight */
export function addAlias(
  { resources }: ChangeableStack,
  functionId: string,
  additional?: { readonly version: string; readonly weight: number },
): { Ref: string } {
  const FunctionName = { Ref: functionId };
  resources[`${functionId}TestVersion`] = { Type: 'AWS::Lambda::Version', Properties: { FunctionName } };
  resources[`${functionId}TestAlias`] = {
    Type: 'AWS::Lambda::Alias',
    Properties: {
      FunctionName,
      Name: 'test',
      FunctionVersion: { 'Fn::GetAtt': [`${functionId}TestVersion`, 'Version'] },
      ...(additional && {
        RoutingConfig: {
          AdditionalVersionWeights: [{ FunctionVersion: additional.version, FunctionWeight: additional.weight }],
        },
      }),
    },
  };
  return { Ref: `${functionId}TestAlias` };
}

/** Lets the API invoke an alias of the function whose logical ID starts with `start`. */
export function integrateAlias({ resources }: ChangeableStack, start: string, alias: { Ref: string }): void {
  // The mock integration of the WebSocket API has no URI.
  const integrations = Object.values(resources).filter(
    ({ Type, Properties }) =>
      Type === 'AWS::ApiGatewayV2::Integration' &&
      JSON.stringify(Properties.IntegrationUri ?? null).includes(`"${start}`),
  );
  expect(integrations.length, `no integration of ${start}`).toBeGreaterThan(0);
  for (const { Properties } of integrations) Properties.IntegrationUri = alias;
}

/** Sets a variable of a function. */
export function setVariable({ resources }: ChangeableStack, functionId: string, name: string, value: unknown): void {
  const { Variables } = Object(resources[functionId]?.Properties.Environment);
  expect(Variables[name], `no variable ${name}`).toBeDefined();
  Variables[name] = value;
}

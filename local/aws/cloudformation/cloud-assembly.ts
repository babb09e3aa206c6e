/**
 * The cloud assembly that `cdk synth` writes: a manifest, one template per stack, and the source paths of the assets.
 * The resources of all stacks are read as one deployment.
 * Source: aws-cdk `cloud-assembly-schema`.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { errorMessageOf, LocalError } from '../shared/errors.ts';
import { firstIssue, jsonObjectSchema, jsonSchema } from '../shared/json.ts';
import { inDependencyOrder } from './stack-order.ts';

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      properties: z.record(z.string(), z.unknown()).optional(),
      dependencies: z.array(z.string()).default([]),
    }),
  ),
});
const stackSchema = z.object({ templateFile: z.string(), stackName: z.string().optional() });
const assetManifestSchema = z.object({ file: z.string() });
const assetsSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string().optional(), packaging: z.string().optional() }),
      destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
    }),
  ),
});

const templateSchema = z.object({
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Properties: jsonObjectSchema.default({}), Condition: z.string().optional() }),
  ),
  Outputs: z
    .record(z.string(), z.object({ Value: jsonSchema, Export: z.object({ Name: jsonSchema }).optional() }))
    .default({}),
});

export type Template = z.infer<typeof templateSchema>;

export interface StackTemplate {
  readonly stackName: string;
  readonly template: Template;
}

export type AssemblyResource = Template['Resources'][string] & {
  /** Unique within its stack. */
  readonly logicalId: string;
  readonly stackName: string;
};

export interface CloudAssembly {
  /** Each stack after the stacks that it depends on. */
  readonly stacks: readonly StackTemplate[];
  /** The resources of all stacks, by the ID that `resourceId` returns. */
  readonly resources: ReadonlyMap<string, AssemblyResource>;
  /** The absolute folder of each zipped asset, by S3 object key. */
  readonly assets: ReadonlyMap<string, string>;
}

/** Reads all stacks of an assembly. */
export function readCloudAssembly(folder: string): CloudAssembly {
  const { artifacts } = readJsonFile(join(folder, 'manifest.json'), manifestSchema);
  const stacks = inDependencyOrder(artifacts, 'aws:cloudformation:stack').map(([artifactId, artifact]) => {
    const properties = stackSchema.parse(artifact.properties);
    const template = readJsonFile(join(folder, properties.templateFile), templateSchema);
    return { stackName: properties.stackName ?? artifactId, template };
  });
  if (stacks.length === 0) throw new LocalError(`${folder} has no stack. Nothing was started. Synthesize it again.`);
  const resources = stacks.flatMap(({ stackName, template }) =>
    Object.entries(template.Resources).map(([logicalId, resource]) => ({ ...resource, logicalId, stackName })),
  );
  return {
    stacks,
    resources: new Map(resources.map((resource) => [resourceId(stacks, resource), resource])),
    assets: new Map(
      Object.values(artifacts)
        .filter(({ type }) => type === 'cdk:asset-manifest')
        .flatMap(({ properties }) => assetFolders(folder, assetManifestSchema.parse(properties).file)),
    ),
  };
}

/** The logical ID. If several stacks have a resource with this logical ID, it is prefixed with the stack name. */
export function resourceId(
  stacks: readonly StackTemplate[],
  { stackName, logicalId }: Pick<AssemblyResource, 'stackName' | 'logicalId'>,
): string {
  const holders = stacks.filter(({ template }) => Object.hasOwn(template.Resources, logicalId));
  return holders.length > 1 ? `${stackName}.${logicalId}` : logicalId;
}

function assetFolders(folder: string, manifest: string): [string, string][] {
  const { files } = readJsonFile(join(folder, manifest), assetsSchema);
  return Object.values(files).flatMap(({ source, destinations }) => {
    const { path, packaging } = source;
    if (path === undefined || packaging !== 'zip') return [];
    return Object.values(destinations).map(({ objectKey }): [string, string] => [objectKey, resolve(folder, path)]);
  });
}

function readJsonFile<T>(path: string, schema: z.ZodType<T>): T {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new LocalError(
      `The cloud assembly cannot be read: ${errorMessageOf(error)}. Nothing was started. Synthesize it again.`,
    );
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success)
    throw new LocalError(
      `${path} has an unknown format: ${firstIssue(parsed.error)}. Nothing was started. Synthesize it again.`,
    );
  return parsed.data;
}

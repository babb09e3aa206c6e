/**
 * The cloud assembly that `cdk synth` writes: a manifest, one template for each stack, and the assets' source paths.
 * Source: aws-cdk `cloud-assembly-schema`.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { errorMessageOf, LocalError } from '../shared/errors.ts';
import { firstIssue, jsonObjectSchema } from '../shared/json.ts';

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({ type: z.string(), properties: z.record(z.string(), z.unknown()).optional() }),
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
});

export type Template = z.infer<typeof templateSchema>;

export interface CloudAssembly {
  readonly stackName: string;
  readonly template: Template;
  /** Absolute folder of each zipped asset, by its S3 object key. */
  readonly assets: ReadonlyMap<string, string>;
}

/** Reads the one stack of an assembly. Throws a LocalError when there is none, or more than one. */
export function readCloudAssembly(folder: string): CloudAssembly {
  const { artifacts } = readJsonFile(join(folder, 'manifest.json'), manifestSchema);
  const stacks = Object.entries(artifacts).filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack');
  const [stack] = stacks;
  if (stack === undefined || stacks.length !== 1) {
    throw new LocalError(`This emulator runs an app of one stack; ${folder} has ${stacks.length}.`);
  }
  const [artifactId, artifact] = stack;
  const properties = stackSchema.parse(artifact.properties);
  return {
    stackName: properties.stackName ?? artifactId,
    template: readJsonFile(join(folder, properties.templateFile), templateSchema),
    assets: new Map(
      Object.values(artifacts)
        .filter(({ type }) => type === 'cdk:asset-manifest')
        .flatMap(({ properties }) => assetFolders(folder, assetManifestSchema.parse(properties).file)),
    ),
  };
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
    throw new LocalError(`The cloud assembly is not readable: ${errorMessageOf(error)}. Synthesize it again.`);
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw new LocalError(`${path} is not as the CDK writes it: ${firstIssue(parsed.error)}.`);
  return parsed.data;
}

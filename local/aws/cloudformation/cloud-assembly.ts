/**
 * The cloud assembly that `cdk synth` writes: a manifest, one template per stack, and the source paths of the assets.
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
  /** The absolute folder of each zipped asset, by S3 object key. */
  readonly assets: ReadonlyMap<string, string>;
}

/** Reads the single stack of an assembly. Throws a LocalError if the assembly does not have exactly one stack. */
export function readCloudAssembly(folder: string): CloudAssembly {
  const { artifacts } = readJsonFile(join(folder, 'manifest.json'), manifestSchema);
  const stacks = Object.entries(artifacts).filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack');
  const [stack] = stacks;
  if (stack === undefined || stacks.length !== 1) {
    throw new LocalError(
      `This emulator runs an app with one stack, but ${folder} has ${stacks.length}. Nothing was started.`,
    );
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

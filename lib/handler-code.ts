import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync, type OutputFile } from 'esbuild';
import { type Group, groups } from '../contract/routes.ts';

/** Lambda's name for the entry: `handler` of `index.mjs`. */
export const handlerEntry = 'index.handler';

/** `require` does not exist in ES modules, and a CommonJS dependency may still ask it for a module of Node. */
const banner = "import{createRequire as __anima}from'node:module';const require=__anima(import.meta.url);";

/**
 * Bundles `<folder>/<group>.ts` of every group, once and together: five calls of a bundler each would parse the AWS
 * SDK anew, and synthesis is part of every start of the local vault. Throws when a source is missing or broken.
 */
export const bundleHandlers = (folder: string): ((group: Group) => Code) => {
  const outdir = join(folder, 'bundles');
  const outputFiles = build({
    entryPoints: groups.map((group) => join(folder, `${group}.ts`)),
    outdir,
    outbase: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    legalComments: 'none',
  });
  const bundles = new Map(outputFiles.map((file) => [file.path, file.contents]));
  return (group) => {
    const bundle = bundles.get(join(outdir, `${group}.mjs`));
    if (bundle === undefined)
      throw new Error(`esbuild made no bundle for the group ${group}; nothing was synthesized.`);
    return asset(folder, group, bundle);
  };
};

const build = (options: BuildOptions): OutputFile[] => {
  try {
    return buildSync({ ...options, write: false, logLevel: 'silent' }).outputFiles;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The handlers could not be bundled; nothing was synthesized. Mend what esbuild names: ${reason}`);
  }
};

/** CDK's own staging of an asset, fed from memory; hashed by content, so that an unchanged function is not deployed. */
const asset = (folder: string, group: Group, bundle: Uint8Array): Code =>
  Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled or run, since tryBundle succeeds; the command only tells the groups apart in CDK's asset cache.
      image: DockerImage.fromRegistry('scratch'),
      command: [group],
      local: {
        tryBundle: (outputDir) => {
          writeFileSync(join(outputDir, 'index.mjs'), bundle);
          return true;
        },
      },
    },
  });

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync, type OutputFile } from 'esbuild';
import { type BackgroundFunction, backgroundFunctions, type RouteGroup, routeGroups } from '../../contract/routes.ts';

/** Lambda's name for the entry: `handler` of `index.mjs`. */
export const handlerEntry = 'index.handler';

/** `require` does not exist in ES modules, and a CommonJS dependency may still ask it for a module of Node. */
const banner = "import{createRequire as __anima}from'node:module';const require=__anima(import.meta.url);";

/** What is deployed as a function of its own: it is the name of the entry. */
export type Entry = RouteGroup | BackgroundFunction;
const entries: readonly Entry[] = [...routeGroups, ...backgroundFunctions];

/**
 * Bundles `<folder>/<entry>.ts` of every group and workflow, once and together: a call of the bundler for each would parse
 * the AWS SDK anew, and synthesis is part of every start of the local vault. Throws when a source is missing or broken.
 */
export const bundleHandlers = (folder: string): ((entry: Entry) => Code) => {
  const outdir = join(folder, 'bundles');
  const outputFiles = build({
    entryPoints: entries.map((entry) => join(folder, `${entry}.ts`)),
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
  return (entry) => {
    const bundle = bundles.get(join(outdir, `${entry}.mjs`));
    if (bundle === undefined) throw new Error(`esbuild made no bundle of ${entry}; nothing was synthesized.`);
    return asset(folder, entry, bundle);
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
const asset = (folder: string, entry: Entry, bundle: Uint8Array): Code =>
  Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled or run, since tryBundle succeeds; the command only tells the entries apart in CDK's asset cache.
      image: DockerImage.fromRegistry('scratch'),
      command: [entry],
      local: {
        tryBundle: (outputDir) => {
          writeFileSync(join(outputDir, 'index.mjs'), bundle);
          return true;
        },
      },
    },
  });

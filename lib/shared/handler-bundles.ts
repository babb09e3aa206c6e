import { writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync, type OutputFile } from 'esbuild';
import { type BackgroundFunction, backgroundFunctions, type RouteGroup, routeGroups } from '../../contract/routes.ts';

/** The Lambda handler setting: `handler` of `index.mjs`. */
export const handlerEntry = 'index.handler';

/**
 * ES modules have no `require`, but a CommonJS dependency can call it for a Node.js module. Created by the first call,
 * because most functions never call it, and it takes 2 ms of each cold start.
 */
const banner = "const require=(id)=>process.getBuiltinModule('node:module').createRequire(import.meta.url)(id);";

/**
 * Bundles get the modules of Node.js from `process.getBuiltinModule`. An `import` statement reads every export of a
 * module, and some exports load further modules when they are read: `import 'node:http'` takes 34 ms of CPU time in each
 * cold start, `getBuiltinModule` takes 4.
 */
const nodeModules = Object.fromEntries(
  builtinModules
    .filter((name) => !name.startsWith('node:'))
    .flatMap((name) => [name, `node:${name}`])
    .map((name) => [name, `data:text/javascript,module.exports=process.getBuiltinModule("${name}")`]),
);

/** The name of an entry. Each entry is deployed as a separate function. */
export type Entry = RouteGroup | BackgroundFunction;
const entries: readonly Entry[] = [...routeGroups, ...backgroundFunctions];

/**
 * Bundles `<folder>/<entry>.ts` of every entry in one call. Separate calls would parse the AWS SDK each time, and
 * synthesis is part of every start of the local vault. Throws if a source is missing or invalid.
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
    alias: nodeModules,
    legalComments: 'none',
  });
  const bundles = new Map(outputFiles.map((file) => [file.path, file.contents]));
  return (entry) => {
    const bundle = bundles.get(join(outdir, `${entry}.mjs`));
    if (bundle === undefined) throw new Error(`esbuild did not create a bundle of ${entry}. Nothing was synthesized.`);
    return asset(folder, entry, bundle);
  };
};

const build = (options: BuildOptions): OutputFile[] => {
  try {
    return buildSync({ ...options, write: false, logLevel: 'silent' }).outputFiles;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The handlers could not be bundled. Nothing was synthesized. Fix the error that esbuild reports: ${reason}`,
    );
  }
};

/**
 * A CDK asset with content from memory. The hash is that of the content, so that an unchanged function is not
 * redeployed.
 */
const asset = (folder: string, entry: Entry, bundle: Uint8Array): Code =>
  Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // The image is never pulled or run, because tryBundle succeeds. The command distinguishes entries in CDK's asset
      // cache.
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

/**
 * Checks the shipped bundles: the functions and the link page in the synthesized assembly (run `npm run synth` first),
 * the SDK bundled for browsers, and the files that the command loads before it parses its arguments.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { gzipSync, inflateSync } from 'node:zlib';
import { build, type Metafile, type OutputFile } from 'esbuild';
import { bundleCli } from '../cli/bundle.ts';
import { backgroundFunctions, routeGroups } from '../contract/routes.ts';

const assembly = 'cdk.out';
/**
 * Size limit of a handler in bytes. It contains AWS clients, zod/mini and middy; more indicates an unwanted dependency.
 */
const handlerLimit = 2_500_000;
/**
 * Limits in gzipped bytes: the SDK at load, and the parts loaded at the first use of blobs, of memory, and of batches,
 * accounts, users or admin functions.
 */
const sdkLimit = 15 * 1024;
/** Limits in bytes: the files that `anima --version` loads, and those that `anima get` loads, without packages. */
const versionLimit = 1024;
const getLimit = 120 * 1024;
const sdkBlobLimit = 17_000;
const sdkMemoryLimit = 8 * 1024;
const sdkLaterLimit = 9.5 * 1024;
const sdkLoginLimit = 6 * 1024;
/**
 * Limits of `@anima/sdk/session` in gzipped bytes, for a page that opens a device: what it loads at once, of which the
 * curves, ciphers, hashes and ML-KEM of noble are about 28 KiB, the same without them, and with what enrolling,
 * attachments, questions and recovery codes load. HPKE (RFC 9180) comes with the first look at questions.
 */
const sessionLimit = 84 * 1024;
const sessionOwnLimit = 56 * 1024;
const sessionTotalLimit = 105 * 1024;
/**
 * Limits in gzipped bytes of the link page, of which the Markdown parser is 15 KiB and HPKE 5 KiB
 * (docs/decisions/one-file-page.md), and
 * of the owner's page, of which session custody is 97 KiB.
 */
const pageLimits = [
  { title: '<title>Encrypted file</title>', what: 'page', limit: 50 * 1024 },
  { title: '<title>Anima</title>', what: "owner's page", limit: 117 * 1024 },
];
/** Texts of the CDK and jsii that survive minification. Their presence shows that a bundle contains the CDK. */
const cdkMarks = ['aws-cdk-lib', '@aws-cdk/', 'jsii.rtti', 'constructs.Construct'];

const problems: string[] = [];

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const at = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined);
const entriesOf = (value: unknown): [string, unknown][] => (isRecord(value) ? Object.entries(value) : []);
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** Asset folders of all functions by logical ID. Functions without an asset do not contain our code. */
function functionFolders(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const file of globSync(`${assembly}/*.assets.json`)) {
    for (const [hash, asset] of entriesOf(at(readJson(file), 'files')))
      sources.set(hash, String(at(at(asset, 'source'), 'path')));
  }
  const folders = new Map<string, string>();
  for (const file of globSync(`${assembly}/*.template.json`)) {
    for (const [id, resource] of entriesOf(at(readJson(file), 'Resources'))) {
      if (at(resource, 'Type') !== 'AWS::Lambda::Function') continue;
      const hash = /"S3Key":"([0-9a-f]+)\.zip"/.exec(JSON.stringify(resource))?.[1] ?? '';
      folders.set(id, join(assembly, sources.get(hash) ?? `missing-asset-of-${id}`));
    }
  }
  return folders;
}

function checkHandler(id: string, folder: string): void {
  const files = globSync(`${folder}/**/*.{mjs,js,cjs}`);
  if (!existsSync(folder) || files.length === 0) {
    problems.push(`${id}: no bundle in ${folder}`);
    return;
  }
  for (const file of files) {
    const code = readFileSync(file, 'utf8');
    for (const mark of cdkMarks) if (code.includes(mark)) problems.push(`${id}: the bundle contains ${mark} (${file})`);
    // Each would cost a cold start up to 30 ms (lib/shared/handler-bundles.ts).
    const imported = [...code.matchAll(/\b(?:from|import)\s*"([^"]+)"/g)].map(([, name = '']) => name).find(isBuiltin);
    if (imported !== undefined) problems.push(`${id}: the bundle imports ${imported} by a statement (${file})`);
    if (code.length > handlerLimit) problems.push(`${id}: ${code.length} bytes, over ${handlerLimit} (${file})`);
    console.log(`bundles: ${id} ${(code.length / 1024).toFixed(0)} KiB`);
  }
}

/** The files of a split bundle that these entries import statically. Dynamic imports are loaded later. */
function loadedAtOnce(outputs: Metafile['outputs'], ...entries: string[]): Set<string> {
  const files = new Set(entries);
  for (const file of files) {
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') files.add(path);
  }
  return files;
}

function checkSize(what: string, files: readonly OutputFile[], limit: number): void {
  const size = files.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  // A smaller client is incomplete: bundling an entry without exports would produce an empty file, which meets all
  // limits.
  if (size < 1024) problems.push(`${what}: ${size} bytes gzipped, which is too small to be complete`);
  if (size >= limit) problems.push(`${what}: ${size} bytes gzipped, the limit is ${limit}`);
  console.log(`bundles: ${what} ${(size / 1024).toFixed(1)} KiB gzipped`);
}

/** The pages as they will be stored, from the custom resources of lib/link-page/page-publication.ts. */
function publishedPages(): Buffer[] {
  const resources = globSync(`${assembly}/*.template.json`).flatMap((file) =>
    entriesOf(at(readJson(file), 'Resources')).map(([, resource]) => resource),
  );
  return resources
    .filter((resource) => at(resource, 'Type') === 'Custom::VaultPage')
    .flatMap((resource) => entriesOf(at(at(resource, 'Properties'), 'Files')).map(([, file]) => file))
    .filter((file) => String(at(file, 'Type')).startsWith('text/html'))
    .map((file) => inflateSync(Buffer.from(String(at(file, 'Content')), 'base64')));
}

function checkPages(): void {
  const pages = publishedPages();
  if (pages.length !== pageLimits.length)
    problems.push(`${pages.length} pages found in ${assembly}, not ${pageLimits.length}: run npm run synth first`);
  for (const page of pages) checkPage(page);
}

function checkPage(page: Buffer): void {
  const html = page.toString();
  const { what, limit } = pageLimits.find(({ title }) => html.includes(title)) ?? { what: 'unknown page', limit: 0 };
  const size = gzipSync(page).length;
  // A smaller page cannot contain the decryption code.
  if (size < 2048) problems.push(`${what}: ${size} bytes gzipped, which is too small to be complete`);
  if (size >= limit) problems.push(`${what}: ${size} bytes gzipped, the limit is ${limit}`);
  for (const foreign of html.matchAll(/\b(?:src|href|action)=["']?(?:https?:)?\/\/[^"'\s>]+/gi)) {
    problems.push(`${what}: it refers to another origin: ${foreign[0]}`);
  }
  console.log(`bundles: ${what} ${(size / 1024).toFixed(1)} KiB gzipped`);
}

async function checkSdk(): Promise<void> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['sdk/src/index.ts'],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: 'dist',
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  for (const input of Object.keys(metafile.inputs)) {
    if (!/^(?:sdk\/src|contract|core)\//.test(input)) problems.push(`sdk: the bundle contains ${input}`);
  }
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  for (const { path } of imports) {
    if (metafile.outputs[path] === undefined) problems.push(`sdk: the bundle still imports ${path}`);
  }
  const atOnce = loadedAtOnce(metafile.outputs, 'dist/index.js');
  const filesOf = (paths: Set<string>, without = new Set<string>()) =>
    outputFiles.filter(({ path }) => paths.has(relative('.', path)) && !without.has(relative('.', path)));
  /** The additional files of these sources, which are loaded by import(). */
  const added = (of: RegExp) => {
    const entries = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => of.test(entryPoint ?? ''));
    return filesOf(loadedAtOnce(metafile.outputs, ...entries.map(([path]) => path)), atOnce);
  };
  checkSize('sdk', filesOf(atOnce), sdkLimit);
  checkSize('sdk, when blobs are first used,', added(/^sdk\/src\/blobs\//), sdkBlobLimit);
  checkSize('sdk, when memory is first used,', added(/^sdk\/src\/memory-modules\.ts$/), sdkMemoryLimit);
  checkSize('sdk, when the rest is first used,', added(/^sdk\/src\/lazy-modules\.ts$/), sdkLaterLimit);
  checkSize('sdk, when it first logs in,', added(/^sdk\/src\/login-modules\.ts$/), sdkLoginLimit);
}

/** Session custody for browsers, without its admin. It may contain noble and hpke, and no other package. */
async function checkSession(): Promise<void> {
  const contents = "export { SessionDevices, indexedDbStorage } from './sdk/src/session/index.ts';";
  const options = {
    stdin: { contents, resolveDir: '.' },
    outdir: 'dist',
    format: 'esm',
    platform: 'browser',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
  } as const;
  const { outputFiles, metafile } = await build(options);
  const inputs = Object.keys(metafile.inputs);
  for (const input of inputs) {
    if (!/^(?:<stdin>|(?:sdk\/src|contract|core|node_modules\/(?:@noble|hpke))\/.*)$/.test(input))
      problems.push(`session: the bundle contains ${input}`);
  }
  const held = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const admin = held.filter(([input, { bytesInOutput }]) => input.includes('/session/admin/') && bytesInOutput > 0);
  if (admin.length > 0) problems.push('session: the bundle of a page that is no admin contains the admin');
  if (Object.values(metafile.outputs).some(({ imports }) => imports.some(({ external }) => external === true)))
    problems.push('session: the bundle still imports something');
  if (!inputs.some((input) => input.endsWith('@noble/post-quantum/ml-kem.js')))
    problems.push('session: the bundle has no ML-KEM');
  checkSize('session', atOnceOf(outputFiles, metafile), sessionLimit);
  checkSize('session, with enrolling, attachments, questions and recovery codes,', outputFiles, sessionTotalLimit);
  const own = await build({ ...options, external: ['@noble/*'] });
  checkSize('session, without the primitives,', atOnceOf(own.outputFiles, own.metafile), sessionOwnLimit);
}

/** The files that a page loads before the first import(). */
function atOnceOf(files: readonly OutputFile[], { outputs }: Metafile): OutputFile[] {
  const [entry = ''] = Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === '<stdin>');
  const paths = loadedAtOnce(outputs, entry);
  return files.filter(({ path }) => paths.has(relative('.', path)));
}

/** Size of an output including its static imports. Dynamic imports are not counted. */
function loaded(outputs: Metafile['outputs'], path: string, seen: Set<string>): number {
  const output = outputs[path];
  if (output === undefined || seen.has(path)) return 0;
  seen.add(path);
  const next = output.imports.filter(({ kind, external }) => kind === 'import-statement' && external !== true);
  return next.reduce((sum, one) => sum + loaded(outputs, one.path, seen), output.bytes);
}

async function checkCli(): Promise<void> {
  const { outputs } = (await bundleCli(false)).metafile;
  const sizeOf = (...sources: string[]): number => {
    const seen = new Set<string>();
    const paths = Object.keys(outputs).filter((one) => sources.includes(outputs[one]?.entryPoint ?? ''));
    return paths.length < sources.length ? 0 : paths.reduce((sum, path) => sum + loaded(outputs, path, seen), 0);
  };
  const version = sizeOf('main.ts');
  const get = sizeOf('main.ts', 'program.ts', 'commands/values/get.ts');
  if (version === 0 || version > versionLimit)
    problems.push(`cli: --version loads ${version} bytes, the limit is ${versionLimit}`);
  if (get < 10_000 || get > getLimit) problems.push(`cli: get loads ${get} bytes, the limit is ${getLimit}`);
  for (const { imports } of Object.values(outputs)) {
    for (const { path, external } of imports) {
      if (external === true && /aws-cdk|@aws-sdk\/client-|typescript|esbuild/.test(path))
        problems.push(`cli: the bundle imports ${path}`);
    }
  }
  console.log(`bundles: cli --version ${version} bytes, get ${(get / 1024).toFixed(0)} KiB`);
}

const folders = functionFolders();
if (folders.size < routeGroups.length + backgroundFunctions.length) {
  problems.push(
    `${folders.size} functions found in ${assembly}, ${routeGroups.length + backgroundFunctions.length} are deployed: run npm run synth first`,
  );
}
for (const [id, folder] of folders) checkHandler(id, folder);
checkPages();
await checkSdk().catch((error: unknown) => problems.push(`sdk: could not be bundled for browsers: ${String(error)}`));
await checkSession().catch((error: unknown) => problems.push(`session: could not be bundled: ${String(error)}`));
await checkCli().catch((error: unknown) => problems.push(`cli: could not be bundled: ${String(error)}`));

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

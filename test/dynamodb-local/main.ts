/**
 * `npm run test:dynamodb-local`: the tests of the service with DynamoDB Local, the engine that AWS publishes, in place
 * of dynalite. Arguments are passed to vitest.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { externalTablesVariable } from '../../local/aws/dynamodb/external-tables.ts';
import { runProgram } from '../deploy/run-program.ts';

const version = '3.3.1';
/** SHA-256 of the jar. Maven verifies only that what it received is what the repository announced. */
const jarHash = '41a32e0a840a1fa375d7b3955e60d4b1db94c423ef9e14a43ee9b4cf9c2fb536';

const projects = ['main', 'custody', 'security', 'lifecycle'].flatMap((name) => ['--project', name]);
const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const root = fileOf('../..');

async function hasJava(): Promise<boolean> {
  for (const [command, option] of [
    ['javac', '-version'],
    ['mvn', '-version'],
  ] as const) {
    const found = await runProgram(command, [option]).catch(() => undefined);
    if (found?.code !== 0) return false;
  }
  return true;
}

/** Downloads the engine with its libraries into the user's cache, and returns their folder. */
async function install(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anima-vault-tests');
  const folder = join(cache, `dynamodb-local-${version}`);
  if (!existsSync(join(folder, 'complete'))) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(fileOf('pom.xml'), join(folder, 'pom.xml'));
    const target = [`-Dmaven.repo.local=${join(folder, 'repository')}`, `-DoutputDirectory=${join(folder, 'lib')}`];
    const args = ['-q', '-B', '-f', join(folder, 'pom.xml'), ...target, 'dependency:copy-dependencies'];
    const { code, output } = await runProgram('mvn', args);
    if (code !== 0) throw new Error(`mvn ended with ${code}:\n${output}`);
    writeFileSync(join(folder, 'complete'), '');
  }
  const jar = readFileSync(join(folder, 'lib', `DynamoDBLocal-${version}.jar`));
  const hash = createHash('sha256').update(jar).digest('hex');
  if (hash !== jarHash) throw new Error(`The SHA-256 of DynamoDBLocal-${version}.jar is ${hash}. Nothing was run.`);
  return join(folder, 'lib');
}

/** Starts the engine and returns its address. It ends when this process ends, because its standard input closes. */
async function start(lib: string): Promise<{ engine: ChildProcess; endpoint: string }> {
  const options = ['-Xmx2g', `-Dsqlite4java.library.path=${lib}`, '-cp', [join(lib, '*'), lib].join(delimiter)];
  const engine = spawn('java', [...options, fileOf('DynamoDbLocal.java')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const endpoint = await new Promise<string>((resolve, reject) => {
    let output = '';
    engine.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const port = /^port (\d+)$/m.exec(output)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
    engine.once('error', reject);
    engine.once('exit', (code) => reject(new Error(`DynamoDB Local ended with ${code}`)));
  });
  return { engine, endpoint };
}

if (await hasJava()) {
  const { engine, endpoint } = await start(await install());
  process.stdout.write(`DynamoDB Local ${version} listens on ${endpoint}\n`);
  const vitest = spawn(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...projects, ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit', env: { ...process.env, [externalTablesVariable]: endpoint } },
  );
  process.exitCode = await new Promise<number>((resolve) => vitest.once('close', (code) => resolve(code ?? 1)));
  engine.stdin?.end();
} else {
  process.stdout.write('A JDK and Maven are needed for DynamoDB Local, and were not found. Nothing was run.\n');
  process.stdout.write('0 passed, 0 failed, 1 skipped\n');
}

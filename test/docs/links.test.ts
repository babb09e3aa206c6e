/** Checks that the links, paths, npm scripts and diagrams in the documents exist. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../shared/vault-process.ts';

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'sdk/README.md',
  'cli/README.md',
  ...globSync('docs/**/*.md', { cwd: projectFolder }).sort(),
];

/** Top-level folders of the repository. A path in backticks that begins with one of them must exist. */
const folders = [
  '.ci',
  'bench',
  'bin',
  'cli',
  'contract',
  'core',
  'docs',
  'egress',
  'lambdas',
  'lib',
  'local',
  'sdk',
  'test',
  'viewer',
];

/** File names that the documents ask the reader to create, or that npm and the CDK create. */
const namesOutsideRepository = new Set(['agent.mjs', 'memory-agent.mjs', 'recovery.html', 'share.mjs']);

/** Diagram types that the documents use. GitHub shows an error in place of a diagram of an unknown type. */
const diagramTypes = ['flowchart', 'sequenceDiagram', 'stateDiagram-v2'];

interface Finding {
  readonly place: string;
  readonly target: string;
}

const read = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');
const exists = (path: string): boolean => existsSync(join(projectFolder, path));
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Replaces fenced blocks by empty lines, so that line numbers stay correct. */
const withoutFences = (text: string): string =>
  text.replace(/^( *)(```+)[^\n]*\n[\s\S]*?^ *\2`*$/gm, (block) => block.replace(/[^\n]/g, ''));

const withoutCode = (text: string): string =>
  withoutFences(text).replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));

function findAll(document: string, text: string, pattern: RegExp): Finding[] {
  return [...text.matchAll(pattern)].map(({ 1: target = '', index }) => ({
    place: `${document}:${lineAt(text, index)}`,
    target,
  }));
}

/** Anchors of the headings of a document, as GitHub computes them. */
function anchorsOf(document: string): Set<string> {
  const anchors = new Set<string>();
  for (const { target } of findAll(document, withoutFences(read(document)), /^#{1,6} +(.+?) *$/gm)) {
    const slug = target
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

const isRelative = (target: string): boolean => !/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(target);

const links = documents.flatMap((document) =>
  findAll(document, withoutCode(read(document)), /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)
    .filter(({ target }) => isRelative(target))
    .map((link) => {
      const [path = '', anchor] = link.target.split('#');
      const file = path === '' ? document : posix.normalize(posix.join(dirname(document), decodeURIComponent(path)));
      return { ...link, file, anchor };
    }),
);

const codeSpans = documents.flatMap((document) =>
  findAll(document, withoutFences(read(document)), /(?<!`)`([^`\n]+)`(?!`)/g),
);

const isPath = (text: string): boolean => /^[\w.@*{},/-]+$/.test(text);
const pathsInFolders = codeSpans.filter(
  ({ target }) => isPath(target) && target.includes('/') && folders.includes(target.split('/')[0] ?? ''),
);
const fileNames = codeSpans.filter(
  ({ target }) => /^\w[\w.-]*\.(?:ts|mjs|md|json)$/.test(target) && !namesOutsideRepository.has(target),
);

const pathExists = (path: string): boolean =>
  /[*{]/.test(path) ? globSync(path, { cwd: projectFolder }).length > 0 : exists(path);

describe('the documents', () => {
  test('relative links lead to files, and their anchors to headings', () => {
    const missing = links.filter(({ file }) => !exists(file)).map(({ place, target }) => `${place}: ${target}`);
    const wrongAnchors = links
      .filter(({ file, anchor }) => anchor !== undefined && file.endsWith('.md') && exists(file))
      .filter(({ file, anchor }) => !anchorsOf(file).has(anchor ?? ''))
      .map(({ place, target }) => `${place}: ${target}`);
    expect({ missing, wrongAnchors }).toEqual({ missing: [], wrongAnchors: [] });
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter(({ anchor }) => anchor !== undefined).length).toBeGreaterThan(10);
  });

  test('paths in backticks exist', () => {
    const missing = pathsInFolders.filter(({ target }) => !pathExists(target));
    expect(missing.map(({ place, target }) => `${place}: ${target}`)).toEqual([]);
    expect(pathsInFolders.length).toBeGreaterThan(250);
  });

  test('file names in backticks without a folder exist somewhere', () => {
    const known = new Set(
      globSync(['*.{json,mjs,md,ts}', '{.,}[a-z]*/**/*.{ts,mjs,md,json}'], {
        cwd: projectFolder,
        exclude: (path) => path.includes('node_modules'),
      }).map((path) => basename(path)),
    );
    const missing = fileNames.filter(({ target }) => !known.has(target));
    expect(missing.map(({ place, target }) => `${place}: ${target}`)).toEqual([]);
    expect(fileNames.length).toBeGreaterThan(3);
  });

  test('npm scripts exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = documents.flatMap((document) =>
      findAll(document, read(document), /\bnpm run (?:-[\w-]+ )*([a-z][\w:-]*)/g),
    );
    const missing = named.filter(({ target }) => !(target in scripts));
    expect(missing.map(({ place, target }) => `${place}: npm run ${target}`)).toEqual([]);
    expect(named.length).toBeGreaterThan(15);
  });

  test('diagrams are not empty and begin with a known type', () => {
    const diagrams = documents.flatMap((document) =>
      findAll(document, read(document), /^```mermaid\n([\s\S]*?)^```$/gm),
    );
    for (const { place, target } of diagrams) {
      const [first = '', ...lines] = target.trim().split('\n');
      expect(diagramTypes, place).toContain(first.split(' ')[0]);
      expect(lines.length, place).toBeGreaterThan(2);
    }
    expect(diagrams.length).toBeGreaterThanOrEqual(2);
  });

  test('headings give the anchors that GitHub gives them', () => {
    expect([...anchorsOf('docs/guide-operator.md')]).toContain('tls-at-the-edge');
    expect([...anchorsOf('docs/custody.md')]).toContain('explain');
    expect([...anchorsOf('docs/format.md')]).toContain('3-encv1-strings');
  });
});

// The allowed imports between top-level folders, layers and capabilities (docs/architecture.md). Any other import is an
// error.

const inFolder = (path) => `^${path}/`;

/** The layers of lambdas/: the folders inside a capability, and the folders that serve all capabilities. */
const rules = '^lambdas/(?!functions/|middleware/|aws/|compose/)[^/]+/[^/]+\\.ts$';
const handlers = '^lambdas/[^/]+/handlers/';
const stores = '^lambdas/[^/]+/(stores|providers)/';
const middleware = ['^lambdas/middleware/', '^lambdas/[^/]+/middleware/'];
const functions = inFolder('lambdas/functions');
const compose = inFolder('lambdas/compose');
const aws = inFolder('lambdas/aws');
/** Requests with values to hosts outside, for the service and for the command. */
const egress = inFolder('egress');

/**
 * The imports that each top-level folder, or layer of lambdas/, may have from this repository, in addition to its own
 * files.
 */
const layers = [
  { name: 'core', from: inFolder('core'), may: [] },
  { name: 'contract', from: inFolder('contract'), may: [] },
  { name: 'egress', from: egress, may: [inFolder('core'), inFolder('contract')] },
  { name: 'lambdas-rules', from: rules, may: [inFolder('core'), inFolder('contract'), egress] },
  { name: 'lambdas-aws', from: aws, may: [inFolder('contract')] },
  // A store imports the ports of the rules as types only. .ci/import-rules.ts checks this, because the parser cannot distinguish type imports.
  { name: 'lambdas-stores', from: stores, may: [inFolder('core'), inFolder('contract'), egress, aws, rules] },
  { name: 'lambdas-middleware', from: middleware, may: [rules, inFolder('contract')] },
  { name: 'lambdas-handlers', from: handlers, may: [rules, inFolder('contract'), middleware] },
  {
    name: 'lambdas-functions',
    from: functions,
    may: [compose, handlers, middleware, stores, rules, inFolder('contract')],
  },
  { name: 'lambdas-compose', from: compose, may: [middleware, stores, aws, rules, inFolder('contract')] },
  { name: 'lib', from: inFolder('lib'), may: [inFolder('contract')] },
  { name: 'bin', from: inFolder('bin'), may: [inFolder('lib'), inFolder('core')] },
  { name: 'sdk', from: inFolder('sdk'), may: [inFolder('contract'), inFolder('core')] },
  { name: 'cli', from: inFolder('cli'), may: [inFolder('sdk'), inFolder('core'), egress] },
  { name: 'viewer', from: inFolder('viewer'), may: [inFolder('sdk'), inFolder('core')] },
  { name: 'local', from: inFolder('local'), may: [inFolder('contract')] },
  // The emulated AWS services must not depend on the vault.
  { name: 'local-aws', from: inFolder('local/aws'), may: [] },
];

const layerRules = layers.map(({ name, from, may }) => ({
  name: `${name}-imports-only-its-row`,
  severity: 'error',
  from: { path: from },
  to: {
    // Without packages that are not installed.
    path: '^(?!node_modules/|@)[^/]+/(?!node_modules/)|^[^/]+\\.(ts|mjs)$',
    pathNot: [from, ...may].flat(),
    dependencyTypesNot: ['core', 'npm', 'npm-dev'],
  },
}));

/**
 * The siblings that each folder of a top-level folder may import. A key that ends in `.ts` is a file next to the
 * folders; `*` means all. A row names only rows above it, so there is no cycle between capabilities.
 * .ci/import-rules.ts checks that order, and that every entry is used.
 */
export const capabilities = {
  core: {
    'decryption-error.ts': [],
    encoding: ['decryption-error.ts'],
    signing: ['encoding'],
    hazmat: ['decryption-error.ts', 'encoding'],
    encryption: ['decryption-error.ts', 'encoding', 'hazmat'],
    records: ['decryption-error.ts', 'encoding', 'hazmat'],
    'api-keys': ['encoding', 'records'],
    logins: ['decryption-error.ts', 'encoding', 'records'],
    'org-keys': ['decryption-error.ts', 'encoding', 'records'],
    shredding: ['decryption-error.ts', 'encoding', 'org-keys', 'records'],
    audit: ['encoding', 'signing'],
    blobs: ['decryption-error.ts', 'encoding', 'hazmat', 'records'],
    users: ['api-keys', 'decryption-error.ts', 'encoding', 'encryption', 'hazmat'],
    values: [],
    memory: ['decryption-error.ts', 'encoding'],
    jobs: ['decryption-error.ts', 'encoding', 'hazmat'],
    messages: ['decryption-error.ts', 'encoding', 'hazmat'],
    'offline-cache': ['decryption-error.ts', 'encoding', 'hazmat'],
    devices: ['decryption-error.ts', 'encoding', 'hazmat'],
    directory: ['api-keys', 'decryption-error.ts', 'devices', 'encoding', 'hazmat'],
    sessions: ['decryption-error.ts', 'directory', 'encoding', 'hazmat'],
    approvals: ['decryption-error.ts', 'directory', 'encoding', 'hazmat'],
    'secret-requests': ['decryption-error.ts', 'encoding', 'hazmat', 'records'],
  },
  contract: {
    shared: [],
    'api-keys': ['shared'],
    logins: ['api-keys', 'shared'],
    orgs: ['api-keys', 'shared'],
    values: ['shared'],
    broker: ['shared'],
    approvals: ['broker', 'shared'],
    rotation: ['shared'],
    shredding: ['orgs', 'shared'],
    blobs: ['shared'],
    users: ['shared'],
    memory: ['shared'],
    devices: ['shared'],
    sessions: ['shared'],
    conversations: ['shared'],
    explain: ['shared'],
    'secret-requests': ['shared'],
    // The table of routes combines the routes.ts of every capability. The audit uses the names of the routes.
    'audit/routes.ts': [],
    'routes.ts': ['*'],
    'path-methods.ts': ['routes.ts', 'shared'],
    audit: ['broker', 'routes.ts', 'shared'],
    'route-schemas.ts': ['*'],
    'route-summaries.ts': ['routes.ts'],
    'route-rules.ts': ['routes.ts', 'shared'],
    'route-errors.ts': ['routes.ts', 'shared'],
    'openapi-responses.ts': ['route-errors.ts', 'routes.ts', 'shared'],
    'openapi-document.ts': ['*'],
  },
  egress: {
    refusals: [],
    references: [],
    redaction: [],
    rules: ['refusals'],
    requests: ['references', 'refusals', 'rules'],
    exchange: ['redaction', 'requests', 'rules'],
    auth: ['references', 'refusals', 'requests', 'rules'],
  },
  lambdas: {
    shared: [],
    middleware: ['shared'],
    records: ['shared'],
    'org-keys': ['records', 'shared'],
    'api-keys': ['middleware', 'org-keys', 'records', 'shared'],
    logins: ['api-keys', 'middleware', 'records', 'shared'],
    orgs: ['api-keys', 'middleware', 'org-keys', 'records', 'shared'],
    audit: ['api-keys', 'middleware', 'shared'],
    values: ['api-keys', 'middleware', 'org-keys', 'shared'],
    directory: ['api-keys', 'middleware', 'org-keys', 'records', 'shared'],
    approvals: ['api-keys', 'audit', 'directory', 'middleware', 'org-keys', 'records', 'shared'],
    broker: ['api-keys', 'approvals', 'middleware', 'org-keys', 'shared', 'values'],
    'secret-requests': ['api-keys', 'middleware', 'org-keys', 'records', 'shared', 'values'],
    rotation: ['api-keys', 'org-keys', 'shared', 'values'],
    blobs: ['api-keys', 'middleware', 'org-keys', 'records', 'shared'],
    'link-page': ['middleware'],
    channels: ['middleware', 'org-keys', 'shared', 'values'],
    jobs: ['shared'],
    users: ['api-keys', 'jobs', 'middleware', 'org-keys', 'shared'],
    memory: ['shared', 'users'],
    devices: ['middleware', 'org-keys', 'records', 'shared', 'users'],
    relay: ['directory', 'middleware', 'shared'],
    conversations: ['channels', 'jobs', 'middleware', 'shared', 'users'],
    shredding: ['api-keys', 'blobs', 'org-keys', 'shared', 'users', 'values'],
    explain: ['api-keys', 'blobs', 'channels', 'logins', 'org-keys', 'shared', 'users'],
    worker: ['conversations', 'jobs', 'middleware', 'shared', 'users'],
  },
  lib: {
    shared: [],
    'api-keys': ['shared'],
    audit: ['shared'],
    blobs: ['shared'],
    broker: ['shared'],
    conversations: ['shared'],
    logins: ['shared'],
    deployment: ['shared'],
    explain: ['shared'],
    jobs: ['shared'],
    'link-page': ['shared'],
    operations: ['shared'],
    'org-keys': ['shared'],
    rotation: ['shared'],
    values: ['shared'],
    'secret-requests': ['api-keys', 'org-keys', 'shared', 'values'],
    users: ['api-keys', 'blobs', 'conversations', 'jobs', 'org-keys', 'shared', 'values'],
    devices: ['org-keys', 'shared', 'users'],
    sessions: ['api-keys', 'operations', 'org-keys', 'shared'],
    approvals: ['org-keys', 'sessions', 'shared'],
    'data-stack.ts': ['*'],
    'vault-api.ts': ['*'],
    'vault-outputs.ts': ['*'],
    'vault-stack.ts': ['*'],
    'operations-stack.ts': ['*'],
  },
  'sdk/src': {
    'version.ts': [],
    shared: ['version.ts'],
    http: ['shared'],
    // The clients load these modules with `import()` when they are first used.
    'lazy-modules.ts': ['*'],
    'login-modules.ts': ['*'],
    'memory-modules.ts': ['*'],
    values: ['http', 'lazy-modules.ts', 'shared'],
    'api-keys': ['http', 'lazy-modules.ts', 'shared'],
    orgs: ['api-keys', 'http', 'lazy-modules.ts', 'shared', 'values'],
    logins: ['api-keys', 'http', 'login-modules.ts', 'shared'],
    audit: ['http', 'lazy-modules.ts', 'shared'],
    blobs: ['http', 'shared'],
    memory: ['blobs', 'http', 'memory-modules.ts', 'shared'],
    users: ['http', 'lazy-modules.ts', 'shared'],
    // An entry of its own: the main entry loads nothing of it.
    device: ['http', 'shared'],
    // Another one. It uses the storages of `device`.
    session: ['device', 'http', 'shared'],
    // Adapters of `memory` for frameworks, each an entry of its own.
    'agent-memory': ['memory', 'shared'],
    'ai-sdk': ['agent-memory', 'shared'],
    langgraph: ['agent-memory', 'memory', 'shared'],
    mastra: ['agent-memory', 'memory', 'shared'],
    'client.ts': ['*'],
    'index.ts': ['*'],
  },
  local: {
    aws: [],
    vault: ['aws'],
    'main.ts': ['*'],
    'demo.ts': ['*'],
  },
  'local/aws': {
    shared: [],
    iam: ['shared'],
    endpoint: ['iam', 'shared'],
    cloudformation: ['shared'],
    kms: ['cloudformation', 'endpoint', 'iam', 'shared'],
    sts: ['cloudformation', 'endpoint', 'iam', 'shared'],
    dynamodb: ['cloudformation', 'endpoint', 'shared'],
    s3: ['cloudformation', 'endpoint', 'iam', 'shared'],
    sqs: ['cloudformation', 'endpoint', 'shared'],
    cloudfront: ['cloudformation', 'shared'],
    lambda: ['cloudformation', 'endpoint', 'iam', 'shared', 'sqs'],
    eventbridge: ['cloudformation', 'shared'],
    'api-gateway': ['cloudformation', 'endpoint', 'iam', 'lambda', 'shared'],
  },
  cli: {
    shell: [],
    profiles: ['shell'],
    audit: ['profiles', 'shell'],
    blobs: ['profiles', 'shell'],
    devices: ['profiles', 'shell'],
    secrets: ['shell'],
    processes: ['secrets', 'shell'],
    mcp: ['blobs', 'secrets', 'shell'],
    sessions: ['profiles', 'secrets', 'shell'],
    doctor: ['devices', 'profiles', 'sessions', 'shell'],
    commands: ['audit', 'blobs', 'devices', 'doctor', 'mcp', 'processes', 'profiles', 'secrets', 'sessions', 'shell'],
    'node-shell.ts': ['profiles', 'shell'],
    'command-table.ts': ['commands', 'shell'],
    'program.ts': ['*'],
    'main.ts': ['*'],
    'bundle.ts': [],
    'build.ts': ['bundle.ts'],
  },
};

/** Folders of lambdas/ that are layers and not capabilities. */
const layerFolders = [functions, compose, aws];

const place = (root, name) => (name.endsWith('.ts') ? `^${root}/${name.replace('.', '\\.')}$` : `^${root}/${name}/`);

const pairs = Object.entries(capabilities).flatMap(([root, rows]) =>
  Object.entries(rows)
    .filter(([, may]) => !may.includes('*'))
    .map(([name, may]) => ({
      name: `${root}/${name}-imports-only-its-row`,
      severity: 'error',
      from: {
        path: place(root, name),
        pathNot: Object.keys(rows)
          .filter((other) => other.startsWith(`${name}/`))
          .map((other) => place(root, other)),
      },
      to: {
        path: inFolder(root),
        pathNot: [place(root, name), ...may.map((other) => place(root, other)), ...layerFolders],
        dependencyTypesNot: ['npm', 'npm-dev'],
      },
    })),
);

/** No other rule applies to a folder without a row. */
const unlisted = Object.entries(capabilities).map(([root, rows]) => ({
  name: `${root}-has-a-row-for-each-folder`,
  severity: 'error',
  from: { path: inFolder(root), pathNot: [...Object.keys(rows).map((name) => place(root, name)), ...layerFolders] },
  to: { path: '.' },
}));

/** Packages of cryptography that run wherever clients do. */
const portable = '^node_modules/(@noble/(ciphers|curves|hashes|post-quantum)|hpke)/';
/** Adapters for other frameworks, whose packages are optional peer dependencies of the SDK. */
const adapters = inFolder('sdk/src/(langgraph|mastra)');
const product = '^(core|contract|egress|lambdas|sdk|lib|bin|cli|viewer|local)/';

export default {
  forbidden: [
    ...layerRules,
    ...pairs,
    ...unlisted,
    {
      name: 'nothing-of-lambdas-outside-its-layers',
      comment: 'No other rule applies to a file of lambdas/ that is in no layer.',
      severity: 'error',
      from: { path: '^lambdas/', pathNot: [rules, handlers, stores, middleware, functions, compose, aws].flat() },
      to: { path: '.' },
    },
    {
      name: 'hazmat-is-for-core-alone',
      comment: 'These files take a nonce or a raw key from their caller. Only the formats of core may call them.',
      severity: 'error',
      from: { pathNot: '^(core|test|bench)/' },
      to: { path: '^core/hazmat/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      comment:
        'aws-lambda is types alone (@types/aws-lambda): there is no module to find. Mastra is not installed ' +
        '(sdk/src/mastra/mastra-core.d.ts).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^aws-lambda$', '^@mastra/core/'] },
    },
    {
      name: 'tests-and-bench-are-imported-by-nothing',
      severity: 'error',
      from: { path: product },
      to: { path: '^(test|bench|\\.ci)/' },
    },
    {
      name: 'sdk-without-zod-schemas',
      severity: 'error',
      from: { path: inFolder('sdk') },
      to: {
        path: [
          '^contract/[a-z-]+/(schemas|schema-parts)\\.ts$',
          '^contract/(route-schemas|route-summaries|openapi-document)\\.ts$',
        ],
        reachable: true,
      },
    },
    {
      name: 'adapters-are-for-their-own-entries',
      comment: 'The other entries must not need the packages of other frameworks.',
      severity: 'error',
      from: { path: product, pathNot: adapters },
      to: { path: adapters },
    },
    {
      name: 'sdk-and-viewer-run-in-browsers',
      comment:
        'Nothing that a client or the page reaches may need Node, or any package but noble, hpke and the Markdown parser ' +
        'of the page.',
      severity: 'error',
      from: { path: inFolder('(sdk/src|viewer)'), pathNot: adapters },
      to: {
        path: '^(node:)?[a-z_/]+$|^node_modules/',
        pathNot: [portable, '^node_modules/marked/'],
        reachable: true,
      },
    },
    {
      name: 'core-is-pure',
      comment: 'Formats and cryptography: no I/O, no environment, no package.',
      severity: 'error',
      from: { path: inFolder('core'), pathNot: inFolder('core/hazmat') },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: ['^(node:)?(crypto|buffer|util)$'] },
    },
    {
      name: 'hazmat-is-pure',
      comment: 'What Node and WebCrypto lack comes from noble and hpke, which run in browsers too.',
      severity: 'error',
      from: { path: inFolder('core/hazmat') },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev'],
        pathNot: ['^(node:)?(crypto|buffer|util)$', portable],
      },
    },
    {
      name: 'contract-needs-zod-only',
      severity: 'error',
      from: { path: inFolder('contract') },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: ['^node_modules/zod/'] },
    },
    {
      name: 'aws-sdk-behind-the-ports',
      comment:
        "Of the command, the operator's requests alone are signed with AWS credentials. The broker signs with those of callers.",
      severity: 'error',
      from: {
        path: '^(lambdas|egress|lib|contract|core|sdk|cli|viewer)/',
        pathNot: [
          aws,
          '^lambdas/[^/]+/stores/',
          '^cli/shell/signed-aws-request\\.ts$',
          '^egress/auth/aws-signature\\.ts$',
        ],
      },
      to: { path: '^node_modules/@(aws-sdk|smithy)/' },
    },
    {
      name: 'cdk-in-lib-and-bin-only',
      severity: 'error',
      from: { path: product, pathNot: ['^(lib|bin)/'] },
      to: { path: '^node_modules/(aws-cdk-lib|constructs|cdk-nag|aws-cdk)/' },
    },
    {
      name: 'handlers-ship-no-dev-dependency',
      severity: 'error',
      from: { path: '^(lambdas|egress|contract|core|sdk/src)/', pathNot: adapters },
      to: { dependencyTypes: ['npm-dev'], pathNot: ['^node_modules/@types/'] },
    },
  ],
  options: {
    parser: 'swc',
    // A workspace has a separate node_modules folder for packages that it needs in another version.
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '^(?!node_modules/).*/dist/|^bench/node_modules/|^cdk\\.out/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

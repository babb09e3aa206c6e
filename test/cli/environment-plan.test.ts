import { describe, expect, test } from 'vitest';
import { planEnvironment } from '../../cli/secrets/environment-plan.ts';
import { isRestrictedVariable, isVaultCredential } from '../../cli/secrets/restricted-variables.ts';

const nothing = { allowedVariables: new Set<string>(), override: false, passKey: false, ignoreCase: false };
const file = (text: Readonly<Record<string, string>>) => ({
  path: '.env',
  entries: Object.entries(text).map(([name, value], i) => ({ name, value, line: i + 1 })),
});
const sources = { environment: {}, folders: [], files: [] };

describe('variables that stored names and files must not set', () => {
  // One or more of each kind: loader, shell, interpreter, package manager, editor, proxy, certificates, configuration.
  test.each(
    [
      'LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT DYLD_INSERT_LIBRARIES GCONV_PATH LOCPATH MALLOC_TRACE GLIBC_TUNABLES',
      'BASH_ENV ENV IFS PS4 PROMPT_COMMAND BASH_FUNC_ls ZDOTDIR SHELLOPTS HOME PATH SHELL TMPDIR',
      'NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED PYTHONPATH PYTHONSTARTUP PYTHONHOME',
      'PERL5OPT PERL5LIB PERLLIB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH',
      'DOTNET_STARTUP_HOOKS LUA_INIT PHPRC ERL_FLAGS DENO_DIR BUN_OPTIONS GEM_PATH BUNDLE_GEMFILE',
      'GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_EXEC_PATH GIT_ASKPASS SSH_ASKPASS SSH_AUTH_SOCK EDITOR VISUAL PAGER LESSOPEN BROWSER',
      'npm_config_registry NPM_CONFIG_SCRIPT_SHELL YARN_RC_FILENAME PIP_INDEX_URL CARGO_HOME RUSTC_WRAPPER GOFLAGS GOPROXY',
      'CC CXX MAKEFLAGS CMAKE_TOOLCHAIN_FILE HTTP_PROXY https_proxy ALL_PROXY no_proxy SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE',
      'OPENSSL_CONF CURL_CA_BUNDLE REQUESTS_CA_BUNDLE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_ENDPOINT_URL_S3',
      'DOCKER_HOST DOCKER_CONFIG KUBECONFIG XDG_CONFIG_HOME TF_CLI_ARGS_apply ANSIBLE_CONFIG ComSpec PATHEXT PSModulePath',
      'ANIMA_KEY ANIMA_URL',
    ].flatMap((row) => row.split(' ')),
  )('%s', (variable) => {
    expect(isRestrictedVariable(variable)).toBe(true);
    const plan = () => planEnvironment({ ...sources, files: [file({ TOKEN: 'x', [variable]: 'evil' })] }, nothing);
    expect(plan).toThrow(`${variable} (line 2 of .env). The command was not started`);
    expect(plan).toThrow(expect.objectContaining({ next: expect.stringContaining(`--allow-variable ${variable}.`) }));
    const allowed = { ...nothing, allowedVariables: new Set([variable]) };
    expect(planEnvironment({ ...sources, files: [file({ [variable]: 'x' })] }, allowed).literal.get(variable)).toBe(
      'x',
    );
  });

  test.each(
    [
      'AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION ANTHROPIC_API_KEY OPENAI_API_KEY GOOGLE_API_KEY',
      'GITHUB_TOKEN GITLAB_TOKEN NPM_TOKEN NODE_ENV NODE_AUTH_TOKEN CARGO_REGISTRY_TOKEN DATABASE_URL STRIPE_KEY PGPASSWORD',
      'DOCKER_PASSWORD GOOD LDAP_PASSWORD PATHWAY CCTV EDITOR_TOKEN ENVIRONMENT TF_VAR_token HOMEPAGE PORT DEBUG',
    ].flatMap((row) => row.split(' ')),
  )('%s needs no option', (variable) => {
    expect(isRestrictedVariable(variable)).toBe(false);
  });

  test('several are refused at once, with one option for each', () => {
    const names = ['prod/ld_preload', 'prod/path', 'prod/token'];
    const plan = () => planEnvironment({ ...sources, folders: [{ names, folder: 'prod/' }] }, nothing);
    expect(plan).toThrow('LD_PRELOAD (the value prod/ld_preload), PATH (the value prod/path)');
    const next = expect.stringContaining('--allow-variable LD_PRELOAD --allow-variable PATH.');
    expect(plan).toThrow(expect.objectContaining({ exit: 2, next }));
  });
});

describe('the environment of the operator', () => {
  const environment = { PATH: '/bin', NODE_OPTIONS: 'anima://prod/options', Path2: 'own', ANIMA_KEY: 'anm_x' };

  test('is taken as it is, with restricted variables and references, but without the key', () => {
    const { literal, templates } = planEnvironment({ ...sources, environment }, nothing);
    expect(Object.fromEntries(literal)).toEqual({ PATH: '/bin', Path2: 'own' });
    expect([...templates].map(([variable, { places }]) => [variable, places[0]?.reference])).toEqual([
      ['NODE_OPTIONS', { name: 'prod/options' }],
    ]);
  });

  test('wins over folder and files, in any case of letters where the system ignores case', () => {
    const files = [file({ PATH2: 'file' })];
    const plan = (ignoreCase: boolean) =>
      planEnvironment({ ...sources, environment, files }, { ...nothing, ignoreCase });
    expect(plan(true)).toMatchObject({ kept: ['PATH2'] });
    expect(plan(true).literal.get('PATH2')).toBeUndefined();
    expect(plan(false).literal.get('PATH2')).toBe('file');
  });
});

test('every ANIMA_ variable but a known setting counts as a credential', () => {
  expect(['ANIMA_KEY', 'ANIMA_ADMIN_KEY', 'anima_key', 'ANIMA_NEW'].every(isVaultCredential)).toBe(true);
  expect(['ANIMA_URL', 'ANIMA_AGENT', 'KEY', 'ANIMAL_KEY'].some(isVaultCredential)).toBe(false);
});

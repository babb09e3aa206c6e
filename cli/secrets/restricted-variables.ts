/**
 * Environment variables with which somebody who may only write values could run code as the operator, redirect
 * connections, or replace configuration. They are set from stored names or files only if the command line names them.
 *
 * Sources: the tables of sudo (env.c, `initial_badenv_table`), glibc (`unsecvars.h`) and dyld, and the documentation of
 * the interpreters, build tools and clients themselves. No such list is complete: a program may define further ones.
 */
import { type CommandError, usageError } from '../shell/command-error.ts';

const restrictedPrefixes = [
  // Loaders and C libraries
  ['LD_', 'DYLD_', '_RLD', 'LDR_', 'MALLOC_', 'GLIBC_', 'GCONV', 'NIS_', 'LIBC_'],
  // Shells
  ['BASH_', 'ZSH_', 'FISH_', 'KSH_', 'PROMPT_'],
  // Interpreters and virtual machines
  [
    'NODE_',
    'DENO_',
    'BUN_',
    'PYTHON',
    'PERL',
    'RUBY',
    'GEM_',
    'BUNDLE_',
    'PHP_',
    'LUA_',
    'TCL',
    'JULIA_',
    'R_',
    'ERL_',
  ],
  ['ELIXIR_', 'MIX_', 'OCAML', 'CAML_', 'GHC', 'JAVA_', 'JDK_', '_JAVA_', 'IBM_JAVA_', 'JRE_', 'DOTNET_', 'COMPLUS_'],
  ['CORECLR_', 'COR_', 'MONO_', 'PSMODULE', 'GUILE_', 'SBCL_'],
  // Package managers and build tools
  [
    'NPM_CONFIG_',
    'PNPM_',
    'YARN_',
    'COREPACK_',
    'NVM_',
    'PIP_',
    'PIPX_',
    'UV_',
    'POETRY_',
    'PIPENV_',
    'CONDA_',
    'VIRTUALENV_',
  ],
  [
    'COMPOSER_',
    'CARGO_',
    'RUSTC',
    'RUSTDOC',
    'RUSTUP_',
    'CGO_',
    'MAVEN_',
    'MVN_',
    'GRADLE_',
    'ANT_',
    'SBT_',
    'MSBUILD',
  ],
  [
    'NUGET_',
    'CMAKE_',
    'NINJA_',
    'GCC_',
    'COLLECT_',
    'PKG_CONFIG',
    'CCACHE_',
    'HOMEBREW_',
    'BAZEL',
    'ANSIBLE_',
    'TF_CLI_',
  ],
  // Version control, remote shells, certificates and cryptographic libraries
  [
    'GIT_',
    'SSH_',
    'SVN_',
    'CVS',
    'HG',
    'GPG_',
    'GNUPG',
    'SUDO_',
    'SSL_CERT_',
    'OPENSSL_',
    'GNUTLS_',
    'KRB5',
    'SSLKEYLOG',
  ],
  // Plug-ins of desktop libraries, and the folders with configuration
  ['XDG_', 'GTK_', 'GIO_', 'GST_', 'QT_', 'QML', 'GDK_', 'LIBGL_', 'VK_', 'MAGICK_', 'NVIM_', 'LIBMYSQL_'],
  // Clients of cloud providers
  ['AWS_ENDPOINT_URL', 'AWS_CONTAINER_', 'AWS_EC2_METADATA_', 'AWS_CLI_', 'CLOUDSDK_PYTHON', 'HELM_'],
  // This command
  ['ANIMA_'],
].flat();

const restrictedNames = new Set(
  [
    // Loaders and C libraries
    'SHLIB_PATH LIBPATH LOCPATH LOCALDOMAIN HOSTALIASES GETCONF_DIR RESOLV_HOST_CONF RES_OPTIONS NLSPATH PATH_LOCALE TZDIR',
    // Shells and terminals
    'ENV IFS PS0 PS1 PS2 PS3 PS4 BASHOPTS SHELLOPTS CDPATH FPATH GLOBIGNORE ZDOTDIR NULLCMD READNULLCMD TMPPREFIX HISTFILE',
    'INPUTRC POSIXLY_CORRECT TERMCAP TERMINFO TERMINFO_DIRS TERMPATH TERMINAL TCSH_RC',
    // The session
    'HOME PATH SHELL TMPDIR TMP TEMP PWD OLDPWD AUTHSTATE',
    // Programs that other programs start
    'EDITOR VISUAL PAGER MANPAGER BROWSER LESS LESSOPEN LESSCLOSE LESSKEY FCEDIT DIFFPROG RSYNC_RSH KUBE_EDITOR PSQL_EDITOR',
    'PSQL_PAGER AWS_PAGER PSQLRC VIM VIMINIT VIMRUNTIME MYVIMRC EXINIT EMACSLOADPATH GS_LIB GS_OPTIONS',
    // Interpreters and virtual machines
    'CLASSPATH CATALINA_OPTS KOTLIN_HOME SCALA_HOME PHPRC VIRTUAL_ENV',
    // Compilers and build tools
    'CC CXX CPP LD AR AS NM FC F77 CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH',
    'OBJC_INCLUDE_PATH COMPILER_PATH MAKE MAKEFLAGS MAKEFILES MFLAGS GNUMAKEFLAGS CONFIG_SITE CONFIG_SHELL RUSTFLAGS',
    'GO111MODULE GOARCH GOAUTH GOBIN GOCACHE GOCACHEPROG GODEBUG GOENV GOEXPERIMENT GOFLAGS GOINSECURE GOMODCACHE GONOPROXY',
    'GONOSUMCHECK GONOSUMDB GOOS GOPATH GOPRIVATE GOPROXY GOROOT GOSUMDB GOTMPDIR GOTOOLCHAIN GOTOOLDIR GOVCS GOWORK',
    'GO_EXTLINK_ENABLED GO_LDSO',
    // Connections and certificates
    'HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY RSYNC_PROXY SOCKS_PROXY WS_PROXY WSS_PROXY CURL_HOME CURL_CA_BUNDLE',
    'CURL_SSL_BACKEND REQUESTS_CA_BUNDLE WGETRC NETRC P4CONFIG',
    // Configuration of clients
    'AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_CA_BUNDLE AWS_DATA_PATH AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_LAMBDA_EXEC_WRAPPER BOTO_CONFIG BOTO_PATH AZURE_CONFIG_DIR CLOUDSDK_CONFIG GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES',
    'DOCKER_HOST DOCKER_CONFIG DOCKER_CONTEXT DOCKER_CERT_PATH DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_API_VERSION BUILDKIT_HOST',
    'BUILDX_CONFIG COMPOSE_FILE COMPOSE_ENV_FILES CONTAINER_HOST CONTAINERS_CONF KUBECONFIG KUBERC TF_PLUGIN_CACHE_DIR',
    'PGSERVICEFILE PGSYSCONFDIR PGPASSFILE PGOPTIONS MYSQL_HOME ODBCINI ODBCSYSINI ODBCINSTINI TNS_ADMIN ORACLE_HOME',
    'GITHUB_ENV GITHUB_PATH GITHUB_OUTPUT USR_ACE VAR_ACE DLC_ACE',
    // Windows
    'COMSPEC PATHEXT SYSTEMROOT SYSTEMDRIVE WINDIR APPDATA LOCALAPPDATA PROGRAMDATA ALLUSERSPROFILE USERPROFILE HOMEDRIVE',
    'HOMEPATH PROGRAMFILES __COMPAT_LAYER _NT_SYMBOL_PATH _NT_ALT_SYMBOL_PATH',
  ].flatMap((row) => row.split(' ')),
);

/** Names below a restricted prefix that are common in files of settings, and that none of those programs obeys. */
const harmlessNames = new Set(
  'NODE_ENV NODE_AUTH_TOKEN CARGO_REGISTRY_TOKEN YARN_NPM_AUTH_TOKEN NUGET_API_KEY UV_PUBLISH_TOKEN SSH_PRIVATE_KEY GIT_TOKEN'.split(
    ' ',
  ),
);

/**
 * Whether a variable is set only if the command line names it. Ignores case: some programs also read lower-case
 * forms (`https_proxy`, `npm_config_*`), and on Windows all names are the same in every case.
 */
export function isRestrictedVariable(variable: string): boolean {
  const name = variable.toUpperCase();
  if (harmlessNames.has(name)) return false;
  return restrictedNames.has(name) || restrictedPrefixes.some((prefix) => name.startsWith(prefix));
}

/** A variable, and what sets it: `the value prod/path`, `line 3 of .env`. */
export interface VariableOrigin {
  readonly variable: string;
  readonly origin: string;
}

/**
 * @param allowed the variables that the command line names
 * @param undone what was not done because of it
 * @throws CommandError usage with all restricted variables that are not allowed
 */
export function checkRestrictedVariables(
  origins: readonly VariableOrigin[],
  allowed: ReadonlySet<string>,
  undone: string,
): void {
  const refused = origins.filter(({ variable }) => isRestrictedVariable(variable) && !allowed.has(variable));
  if (refused.length > 0) throw restrictedVariablesError(refused, undone);
}

function restrictedVariablesError(refused: readonly VariableOrigin[], undone: string): CommandError {
  const list = refused.map(({ variable, origin }) => `${variable} (${origin})`).join(', ');
  const options = [...new Set(refused.map(({ variable }) => `--allow-variable ${variable}`))].join(' ');
  const which = refused.length === 1 ? 'This variable' : 'These variables';
  return usageError(
    `${which} can make programs run other code or connect elsewhere, so it takes an option to set them: ${list}. ${undone}`,
    `If you trust the content, add ${options}. Otherwise rename the value, or use a narrower --prefix.`,
  );
}

/** ANIMA_ variables without a secret in them. */
const animaSettings = new Set(
  'ANIMA_URL ANIMA_PROFILE ANIMA_AGENT ANIMA_RUN ANIMA_KEYRING ANIMA_CACHE_MAX_AGE ANIMA_COMPLETE_NAMES ANIMA_DEBUG ANIMA_VAULT_HOME'.split(
    ' ',
  ),
);

/**
 * Whether a variable holds a credential of the vault: ANIMA_KEY, and any other ANIMA_ variable that is not known to be
 * a setting. A command that gets selected values does not get the key to all of them.
 */
export function isVaultCredential(variable: string): boolean {
  const name = variable.toUpperCase();
  return name.startsWith('ANIMA_') && !animaSettings.has(name);
}

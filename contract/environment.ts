/** Environment names of the functions. lib sets them from constructs, the composition root reads them. */
export const functionEnv = {
  keyringTable: 'ANIMA_KEYRING_TABLE',
  apiKeyTable: 'ANIMA_API_KEY_TABLE',
  valueTable: 'ANIMA_VALUE_TABLE',
  kekId: 'ANIMA_KEK_ID',
  stage: 'ANIMA_STAGE',
} as const;

/** Environment names of the client. */
export const clientEnv = {
  /** The API key. */
  apiKey: 'ANIMA_KEY',
  /** Address of the vault, e.g. `https://abc.execute-api.eu-central-1.amazonaws.com`. */
  url: 'ANIMA_URL',
} as const;

/** Where the local vault listens unless told; also where the client looks unless told. */
export const localPort = 8787;
export const localUrl = `http://127.0.0.1:${localPort}`;

/** Sends the requests of the probes and collects what must never happen. */
import { type ErrorCode, errors } from '../../../contract/shared/error-codes.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { signatureHeaders } from '../../devices/signed-device-requests.ts';
import type { LocalStack } from '../../shared/local-stack.ts';

export interface Ask {
  readonly key?: string | undefined;
  readonly session?: string | undefined;
  readonly body?: unknown;
  /** Signs the request as this device. */
  readonly device?: { readonly keys: DeviceKeys; readonly scope: VaultScope } | undefined;
  /** One damaged item must not make a list fail as a whole. The credential of such a request is never changed. */
  readonly isList?: boolean;
}
// biome-ignore lint/suspicious/noExplicitAny: JSON of any route
export type Json = any;

export class Asker {
  readonly #stack: LocalStack;
  /** Server errors, undocumented answers, failed lists and altered plaintexts since the last call of {@link take}. */
  readonly #faults: string[] = [];
  /** Paths whose lists may fail, because the keyring that opens them was changed. */
  lenient: RegExp | undefined;

  constructor(stack: LocalStack) {
    this.#stack = stack;
  }

  /** The answer to a request that the vault carried out, or undefined if it refused it with a documented error. */
  async ask(
    method: string,
    path: string,
    { key, session, device, body, isList = false }: Ask,
  ): Promise<Json | undefined> {
    const signed =
      device === undefined ? {} : await signatureHeaders(this.#stack, device.keys, device.scope, method, path, '');
    const headers = { ...signed, ...(session === undefined ? {} : { cookie: `__Host-anima=${session}` }) };
    const answer = await this.#stack.http(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
    const text = await answer.text();
    const json: Json = text === '' ? {} : JSON.parse(text);
    const what = `${method} ${path}: ${answer.status} ${text.slice(0, 300)}`;
    if (answer.status < 300) return json;
    if (answer.status >= 500 || errors[json.code as ErrorCode]?.status !== answer.status) this.fault(what);
    else if (isList && answer.status === 422 && this.lenient?.test(path) !== true)
      this.fault(`a list failed as a whole: ${what}`);
    return undefined;
  }

  fault(what: string): void {
    this.#faults.push(what);
  }

  take(): string[] {
    return this.#faults.splice(0);
  }
}

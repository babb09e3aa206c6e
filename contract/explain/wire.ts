/** JSON types of the `explain` routes. */

/** A party that can or cannot open an object. Everything here is computed from slots, roles and policies. */
export interface ExplainParty {
  /**
   * `api-key`; `slot`; `device` (a member of a device vault, or a device of the directory); `recovery-code`; `link` (anyone with the URL); `identity` (of another system, which logs in); `function` (a function of the deployment, with its role);
   * `operator` (anyone with permission to change policies or code); `anyone` (when nobody can open the object).
   */
  kind: 'api-key' | 'slot' | 'device' | 'recovery-code' | 'link' | 'identity' | 'function' | 'operator' | 'anyone';
  /** Id of the key, slot or device, or name of the function. */
  id?: string | undefined;
  /** Text for people: a description of the party. */
  who: string;
  /**
   * Text for people: the credential with which the party can open the object and the condition for it, or why the party
   * cannot open it.
   */
  how: string;
  /** RFC 3339: the time until which the party can open the object. */
  until?: string | undefined;
}

export interface ExplainResponse {
  /**
   * As requested: `value:<name>`, `blob:<id>`, `memory:<user>/<record id>`, `message:<user>/<id>`, `user:<user>`,
   * `device:<user>/<vault>`, `conversation:<id>` and `session-device:<id>` for messages between devices of the
   * directory, or `login:<id>` for a login of another system, which is about who gets its API keys.
   */
  ref: string;
  /** The kind of credential that is required to decrypt the object. */
  custody: 'org' | 'link' | 'user' | 'device' | 'session';
  /**
   * `stored`; `locked` while the organization is waiting to be shredded; `gone` when nobody can open the object: it was
   * deleted or shredded, it has expired, it was opened as often as allowed, or it never existed.
   */
  state: 'stored' | 'locked' | 'gone';
  canOpen: ExplainParty[];
  cannotOpen: ExplainParty[];
}

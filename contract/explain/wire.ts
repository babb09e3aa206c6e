/** JSON of the routes of `explain`. */

/** One who can, or can't, open something. All of it is computed from slots, roles and policies. */
export interface ExplainParty {
  /** `api-key`, `slot`, `link` (whoever holds the URL), `function` (of the deployment, with its role), `operator` (who may change policies or code), `anyone` (of what is gone). */
  kind: 'api-key' | 'slot' | 'link' | 'function' | 'operator' | 'anyone';
  /** Id of the key or slot, or name of the function. */
  id?: string | undefined;
  /** In words: who it is. */
  who: string;
  /** In words: with what it can open it and while what lasts; or why it can't. */
  how: string;
  /** RFC 3339: until when it can. */
  until?: string | undefined;
}

export interface ExplainResponse {
  /** As asked: `value:<name>`, `blob:<id>`, `memory:<user>/<record id>`, `message:<user>/<id>` or `user:<user>`. */
  ref: string;
  /** The rung of custody: who must be there for it to open. */
  custody: 'org' | 'link' | 'user';
  /** Whether it is there; what is gone nobody can open. */
  state: 'stored' | 'locked' | 'gone';
  canOpen: ExplainParty[];
  cannotOpen: ExplainParty[];
}

/** The form of a request: what is asked, the secret, and its rules, which only the person chooses. */
import { announce, createButton, createElement, createFactList, showView } from '../page/page-elements.ts';
import { suggestHost } from './host-suggestions.ts';
import type { ShownRequest } from './request-api.ts';
import { askView, suggestText, formTexts as texts } from './request-texts.ts';
import { showHiddenCharacters } from './visible-text.ts';

/** What a person typed. */
export interface TypedAnswer {
  readonly value: string;
  /** Metadata entries of rules. */
  readonly rules: Readonly<Record<string, string>>;
}

export interface FormActions {
  /** Sends the answer. Resolves once it is stored, and rejects with an error whose message is shown in the form. */
  send(answer: TypedAnswer): Promise<void>;
  deny(): Promise<void>;
}

const maxSecretBytes = 65_536;

/** Shows the form. An error of an action that is for the form is shown in it, and typed text stays. */
export function showRequestForm(request: ShownRequest, actions: FormActions): void {
  const secret = createSecretField();
  const hosts = createField(texts.hosts, texts.hostsHint, 'url');
  const methods = createField(texts.methods, texts.methodsHint);
  const paths = createField(texts.paths, texts.pathsHint);
  const problem = createElement('p', { className: 'problem', id: 'problem' });
  problem.setAttribute('role', 'alert');
  const send = createElement('button', { type: 'submit' }, texts.send);
  const deny = createButton(texts.deny);
  deny.className = 'quiet';
  const form = createElement(
    'form',
    { noValidate: true, autocomplete: 'off' },
    ...secret.parts,
    createElement(
      'fieldset',
      {},
      createElement('legend', {}, texts.rules),
      ...hosts.parts,
      ...suggestionFor(request.name, hosts.input),
      ...methods.parts,
      ...paths.parts,
    ),
    problem,
    send,
    deny,
  );
  const run = async (action: () => Promise<void>) => {
    problem.textContent = '';
    send.disabled = deny.disabled = true;
    announce(texts.sending);
    try {
      await action();
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
    } finally {
      send.disabled = deny.disabled = false;
    }
  };
  const rejectInput = (text: string) => {
    problem.textContent = text;
    secret.input.focus();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const value = secret.input.value;
    if (value === '') return rejectInput(texts.noSecret);
    if (new TextEncoder().encode(value).length > maxSecretBytes) return rejectInput(texts.tooLong);
    const entries = { allowed_hosts: hosts, allowed_methods: methods, allowed_paths: paths };
    const typed = Object.entries(entries).map(([key, { input }]) => [key, input.value.trim()] as const);
    const rules = Object.fromEntries(typed.filter(([, text]) => text !== ''));
    void run(() => actions.send({ value, rules }));
  });
  deny.addEventListener('click', () => void run(actions.deny));
  showView(askView, askView.title, ...describe(request), form);
}

/** Name, reason and facts. The reason is a quotation in a text direction of its own. */
function describe({ name, why, replace, requestedBy, expiresAt }: ShownRequest): HTMLElement[] {
  const quote = createElement('blockquote', { dir: 'auto' }, `“${showHiddenCharacters(why)}”`);
  const facts = createFactList([
    ['Name', name],
    ['Asked by key', requestedBy],
    ['Expires', new Date(expiresAt).toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' })],
  ]);
  const label = createElement('p', {}, 'Its reason:');
  const warning = createElement('div', { className: 'note' }, createElement('p', {}, texts.replace));
  return [facts, label, quote, ...(replace ? [warning] : [])];
}

interface Field<T extends HTMLElement> {
  readonly input: T;
  readonly parts: readonly HTMLElement[];
}

let fields = 0;

function labelled<T extends HTMLElement>(input: T, label: string, hint: string): Field<T> {
  fields += 1;
  input.id = `field-${fields}`;
  const explanation = createElement('p', { className: 'hint', id: `hint-${fields}` }, hint);
  input.setAttribute('aria-describedby', explanation.id);
  return {
    input,
    parts: [createElement('label', { className: 'label', htmlFor: input.id }, label), explanation, input],
  };
}

/** No part of what is typed is completed, corrected or remembered by the browser. */
const privateInput = { autocomplete: 'off', autocapitalize: 'none', spellcheck: false } as const;

function createField(label: string, hint: string, inputMode = 'text'): Field<HTMLInputElement> {
  const input = createElement('input', { type: 'text', maxLength: 512, inputMode, ...privateInput });
  input.setAttribute('autocorrect', 'off');
  return labelled(input, label, hint);
}

/** Several lines, because keys have them. Hidden until the person shows it. */
function createSecretField(): Field<HTMLTextAreaElement> {
  const input = createElement('textarea', { rows: 3, required: true, className: 'masked', ...privateInput });
  input.setAttribute('autocorrect', 'off');
  input.setAttribute('aria-errormessage', 'problem');
  const show = createButton(texts.show);
  show.className = 'quiet';
  show.setAttribute('aria-pressed', 'false');
  show.addEventListener('click', () => {
    const isMasked = input.classList.toggle('masked');
    show.textContent = isMasked ? texts.show : texts.hide;
    show.setAttribute('aria-pressed', String(!isMasked));
  });
  const field = labelled(input, texts.secret, texts.secretHint);
  return { input, parts: [...field.parts, show] };
}

function suggestionFor(name: string, hosts: HTMLInputElement): HTMLElement[] {
  const host = suggestHost(name);
  if (host === undefined) return [];
  const use = createButton(suggestText(host));
  use.className = 'quiet';
  use.addEventListener('click', () => {
    hosts.value = host;
    hosts.focus();
  });
  return [use];
}

/** The frame of the page: state of the connection, notices, the view, and the navigation. */
import type { App } from '../app.ts';
import { announce, block, button, createElement, paragraph } from './elements.ts';
import type { View } from './view.ts';

export interface Place {
  /** First part of the address. */
  readonly name: string;
  readonly label: string;
  /** The view of an address without a parameter, and of one with it. */
  readonly view: View;
  readonly detail?: View;
  /** Number beside the label. */
  count?(app: App): Promise<number>;
}

const connectionTexts = { live: 'Live', polling: 'Connected', offline: 'Offline' } as const;

export class Shell {
  readonly #app: App;
  readonly #places: readonly Place[];
  readonly #main = createElement('main', { id: 'main' });
  readonly #state = createElement('span', { className: 'connection' });
  readonly #notices = block('notices');
  readonly #links = new Map<string, { readonly link: HTMLAnchorElement; readonly badge: HTMLElement }>();
  readonly #onHash = () => this.#show();
  #endView: () => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #hasFocus = false;

  constructor(app: App, places: readonly Place[]) {
    this.#app = app;
    this.#places = places;
  }

  begin(root: HTMLElement): void {
    const links = this.#places.map(({ name, label }) => {
      const badge = createElement('span', { className: 'badge', hidden: true });
      const link = createElement('a', { href: `#/${name}` }, createElement('span', {}, label), badge);
      this.#links.set(name, { link, badge });
      return link;
    });
    const nav = createElement('nav', {}, ...links);
    nav.setAttribute('aria-label', 'Parts of the page');
    root.replaceChildren(
      createElement('header', {}, createElement('span', { className: 'brand' }, 'Anima'), this.#state),
      this.#notices,
      this.#main,
      nav,
    );
    addEventListener('hashchange', this.#onHash);
    this.#unsubscribe = this.#app.events.subscribe(() => this.#update());
    this.#update();
    this.#show();
  }

  end(): void {
    removeEventListener('hashchange', this.#onHash);
    this.#unsubscribe();
    this.#endView();
  }

  #show(): void {
    this.#endView();
    const [, name = '', parameter = ''] = /^#\/([a-z]+)(?:\/(.+))?$/.exec(location.hash) ?? [];
    const place = this.#places.find((one) => one.name === name) ?? this.#places[0];
    if (place === undefined) return;
    for (const [other, { link }] of this.#links) {
      if (other === place.name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.#main.replaceChildren();
    this.#main.className = place.name;
    const view = parameter === '' ? place.view : (place.detail ?? place.view);
    this.#endView = view(this.#app, this.#main, parameter);
    document.title = `${place.label} – Anima`;
    scrollTo(0, 0);
    // Not at the start of the page, where the reader begins at the top.
    if (this.#hasFocus) this.#main.querySelector('h1')?.focus({ preventScroll: true });
    this.#hasFocus = true;
  }

  #update(): void {
    const { state } = this.#app.events.connection;
    if (this.#state.textContent !== connectionTexts[state]) {
      this.#state.textContent = connectionTexts[state];
      this.#state.dataset.state = state;
      if (state === 'offline') announce('Offline. What you write is sent later.');
    }
    this.#showNotices();
    for (const place of this.#places) void this.#showCount(place).catch(() => undefined);
  }

  async #showCount({ name, count }: Place): Promise<void> {
    const badge = this.#links.get(name)?.badge;
    if (count === undefined || badge === undefined) return;
    const number = await count(this.#app);
    badge.hidden = number === 0;
    badge.textContent = String(number);
  }

  #showNotices(): void {
    const { notices } = this.#app.events;
    const latest = notices.at(-1);
    if (latest === undefined) {
      this.#notices.replaceChildren();
      return;
    }
    const shown = paragraph('', latest.text);
    shown.setAttribute('role', 'alert');
    const hide = button('Hide', 'quiet', () => {
      notices.length = 0;
      this.#notices.replaceChildren();
    });
    if (this.#notices.querySelector('p')?.textContent !== latest.text) this.#notices.replaceChildren(shown, hide);
  }
}

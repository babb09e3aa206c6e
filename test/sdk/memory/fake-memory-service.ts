/** A fake vault with the memory of one user, for SDK tests. */

import type { AddMemoryRequest } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { json, problem, type SentRequest } from '../fake-fetch.ts';

const time = '2026-11-21T03:00:00.000Z';

export class FakeMemoryService {
  readonly records = new Map<string, unknown>();
  /** The IDs in each batch request. */
  readonly batches: string[][] = [];
  readonly seen: SentRequest[] = [];

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    const headers = Object.fromEntries(new Headers(init.headers));
    this.seen.push({ url: String(input), method: init.method ?? 'GET', headers, body });
    const { pathname } = new URL(String(input));
    if (pathname === '/v1/memory/batch-add') return this.#addMany(body.items, String(init.body));
    if (pathname === '/v1/memory/records') return this.#list();
    return problem('route_not_found');
  };

  #addMany(items: AddMemoryRequest[], text: string): Response {
    const ids = items.map(({ id }) => id ?? '');
    const unfit = items.length > limits.batchItems || text.length > limits.requestBytes;
    if (unfit || new Set(ids).size < ids.length) return problem('invalid_request');
    this.batches.push(ids);
    const results = items.map(({ id = '', data }) => {
      const known = JSON.stringify(this.records.get(id) ?? data);
      if (known !== JSON.stringify(data)) return { id, ok: false, error: { code: 'record_exists', title: '' } };
      this.records.set(id, data);
      return { id, ok: true, record: { id, version: 1, createdAt: time, updatedAt: time } };
    });
    return json({ results });
  }

  #list(): Response {
    const ids = [...this.records.keys()].sort();
    const records = ids.map((id) => ({ id, version: 1, createdAt: time, updatedAt: time, data: this.records.get(id) }));
    return json({ records });
  }
}

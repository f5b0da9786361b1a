// The entities of the campaign API, and what can be done with each alike.

import { type QueryClient, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from './client';
import type { components } from './schema';

type Schemas = components['schemas'];
export type Agency = Schemas['Agency'];
export type Advertiser = Schemas['Advertiser'];
export type Campaign = Schemas['Campaign'];
export type LineItem = Schemas['LineItem'];
export type Creative = Schemas['Creative'];
export type Targeting = Schemas['Targeting'];
export type Cap = Schemas['Cap'];
export type Flight = Schemas['Flight'];

export interface Kinds {
  agency: Agency;
  advertiser: Advertiser;
  campaign: Campaign;
  line_item: LineItem;
  creative: Creative;
}
export type Kind = keyof Kinds;

const PATHS = {
  agency: 'agencies', advertiser: 'advertisers', campaign: 'campaigns', line_item: 'line-items', creative: 'creatives',
} as const satisfies Record<Kind, string>;

// where is a kind's place in the API and, alike, in the console.
export const where = (kind: Kind) => PATHS[kind];

export interface Filter {
  agency_id?: number;
  advertiser_id?: number;
  campaign_id?: number;
  status?: 'active' | 'paused' | 'archived';
}

export interface Read<E> {
  entity: E;
  etag: string;
  note?: string;
}

const MAX_PAGES = 20; // of 1000: more than a person reads

// list reads every page.
export async function list<K extends Kind>(kind: K, filter: Filter, signal?: AbortSignal): Promise<Kinds[K][]> {
  const out: Kinds[K][] = [];
  let cursor: unknown;
  for (let i = 0; i < MAX_PAGES; i++) {
    const query = { ...filter, limit: 1000, ...(cursor !== undefined && { cursor }) } as never;
    const { data } = await call('get', `/v1/${PATHS[kind]}` as '/v1/campaigns', { query, signal });
    const page = data as unknown as { items: Kinds[K][] | null; next?: unknown };
    out.push(...(page.items ?? []));
    if (page.next === undefined || page.next === '') break;
    cursor = page.next;
  }
  return out;
}

export async function read<K extends Kind>(kind: K, id: number, signal?: AbortSignal): Promise<Read<Kinds[K]>> {
  const { data, etag } = await call('get', `/v1/${PATHS[kind]}/{id}` as '/v1/campaigns/{id}', { path: { id }, signal });
  return { entity: data as unknown as Kinds[K], etag };
}

export async function create<K extends Kind>(kind: K, body: object): Promise<Read<Kinds[K]>> {
  const { data, etag } = await call('post', `/v1/${PATHS[kind]}` as '/v1/campaigns', { body: body as never });
  return { entity: data as unknown as Kinds[K], etag };
}

export async function patch<K extends Kind>(kind: K, id: number, changes: object, ifMatch: string): Promise<Read<Kinds[K]>> {
  const { data, etag, note } = await call('patch', `/v1/${PATHS[kind]}/{id}` as '/v1/campaigns/{id}', { path: { id }, body: changes as never, ifMatch });
  return { entity: data as unknown as Kinds[K], etag, note };
}

export type Verb = 'pause' | 'resume' | 'archive';

export async function setStatus<K extends Kind>(kind: K, id: number, verb: Verb): Promise<Read<Kinds[K]>> {
  const { data, etag } = await call('post', `/v1/${PATHS[kind]}/{id}/${verb}` as '/v1/campaigns/{id}/pause', { path: { id } });
  return { entity: data as unknown as Kinds[K], etag };
}

export const listOptions = <K extends Kind>(kind: K, filter: Filter = {}) =>
  queryOptions({ queryKey: [kind, 'list', filter], queryFn: ({ signal }) => list(kind, filter, signal) });

export const readOptions = <K extends Kind>(kind: K, id: number) =>
  queryOptions({ queryKey: [kind, 'one', id], queryFn: ({ signal }) => read(kind, id, signal), enabled: id > 0 });

// changed makes everything that shows entities of a kind ask again.
export const changed = (client: QueryClient, kind: Kind) => client.invalidateQueries({ queryKey: [kind] });

export function useSetStatus() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ kind, id, verb }: { kind: Kind; id: number; verb: Verb }) => setStatus(kind, id, verb),
    onSuccess: (_, { kind }) => changed(client, kind),
  });
}

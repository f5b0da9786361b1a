// One call of the API, with the types of the OpenAPI document. A call whose session
// has expired waits until the person has signed in again, and is then sent once more:
// the page that made it never knows.

import { parse, stringify } from './json';
import { problemOf, Unreachable } from './problem';
import type { paths } from './schema';
import { session } from './session';

type Method = 'get' | 'post' | 'patch' | 'put' | 'delete';
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? NonNullable<paths[P][M]> : never;
type Json<R> = R extends { content: infer C } ? (C extends { 'application/json': infer B } ? B : unknown) : undefined;
type Success<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202 | 204)]> : unknown;
type Body<O> = O extends { requestBody?: infer B } ? (NonNullable<B> extends { content: infer C } ? C[keyof C] : never) : never;
type Params<O, In extends string> = O extends { parameters: infer P } ? (In extends keyof P ? NonNullable<P[In]> : never) : never;

export interface Request<O> {
  path?: Params<O, 'path'>;
  query?: Params<O, 'query'>;
  body?: Body<O> | Blob | FormData;
  contentType?: string; // of a body that is no plain JSON
  ifMatch?: string;
  signal?: AbortSignal;
  fresh?: boolean; // of a call that signs in: a 401 is its answer
}

export interface Answer<T> {
  data: T;
  etag: string;
  note: string; // what of an edit holds only later
  headers: Headers;
}

const TIMEOUT_MS = 30_000;

export async function call<M extends Method, P extends keyof paths & string>(
  method: M,
  path: P,
  request: Request<Operation<P, M>> = {},
): Promise<Answer<Success<Operation<P, M>>>> {
  const url = address(path, request.path, request.query);
  // The same key when it is sent again: the server does it once.
  const once: Record<string, string> = method === 'post' ? { 'Idempotency-Key': unique() } : {};
  const send = () => attempt(method, url, request, once);
  let response = await send();
  if (response.status === 401 && !request.fresh) {
    await session.renew(problemOf(401, await body(response), null).message);
    response = await send();
  }
  const data = await body(response);
  if (!response.ok) throw problemOf(response.status, data, response.headers.get('Retry-After'));
  const { headers } = response;
  return { data: data as Success<Operation<P, M>>, etag: headers.get('ETag') ?? '', note: headers.get('Bidhawk-Note') ?? '', headers };
}

interface Sent {
  body?: unknown;
  contentType?: string;
  ifMatch?: string;
  signal?: AbortSignal;
}

async function attempt(method: Method, url: string, r: Sent, more: Record<string, string>) {
  const headers = new Headers({ Accept: 'application/json', ...session.headers(method !== 'get'), ...more });
  let payload: BodyInit | undefined;
  if (r.body instanceof FormData) payload = r.body;
  else if (r.body instanceof Blob) payload = r.body;
  else if (r.body !== undefined) payload = stringify(r.body);
  if (payload !== undefined && !(payload instanceof FormData)) {
    headers.set('Content-Type', r.contentType ?? (method === 'patch' ? 'application/merge-patch+json' : 'application/json'));
  }
  if (r.ifMatch) headers.set('If-Match', r.ifMatch);
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(url, {
      method: method.toUpperCase(), body: payload, headers, cache: 'no-store', redirect: 'error', credentials: 'same-origin',
      signal: r.signal ? AbortSignal.any([r.signal, timeout]) : timeout,
    });
  } catch (err) {
    if (r.signal?.aborted) throw err;
    throw new Unreachable(err instanceof Error ? err.message : String(err));
  }
}

// unique is random; crypto.randomUUID is missing where a page has no https.
function unique(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
}

async function body(r: Response): Promise<unknown> {
  if (!/json/.test(r.headers.get('Content-Type') ?? '')) return undefined;
  const text = await r.text();
  try {
    return text === '' ? undefined : parse(text);
  } catch {
    return undefined; // a proxy's page, not our server's
  }
}

function address(path: string, params: unknown, query: unknown): string {
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((params as Record<string, unknown>)[name])));
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    for (const one of Array.isArray(v) ? v : [v]) if (one !== undefined && one !== '') q.append(k, String(one));
  }
  return q.size ? `${at}?${q}` : at;
}

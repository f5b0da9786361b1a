import { session } from '../../api/session';
import { problemOf } from '../../api/problem';

// download asks for a file with the caller's own rights and hands it to the browser.
export async function download(path: string, query: URLSearchParams, name: string): Promise<void> {
  const get = () => fetch(`${path}?${query}`, { headers: new Headers(session.headers(false)), credentials: 'same-origin', cache: 'no-store', redirect: 'error' });
  let answer = await get();
  if (answer.status === 401) {
    await session.renew('');
    answer = await get();
  }
  if (!answer.ok) {
    const body: unknown = await answer.json().catch(() => undefined);
    throw problemOf(answer.status, body, answer.headers.get('Retry-After'));
  }
  save(await answer.blob(), name);
}

function save(file: Blob, name: string) {
  const url = URL.createObjectURL(file);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  URL.revokeObjectURL(url);
}

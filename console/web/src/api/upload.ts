// A file on its way to the server, with its progress: fetch cannot tell of one.

import { parse } from './json';
import { problemOf, Unreachable } from './problem';
import { session } from './session';

export interface Upload {
  path: string;
  query: Record<string, string>;
  file: File;
  onProgress: (share: number) => void;
  signal?: AbortSignal;
}

// upload resolves to what was made of the file. It is sent once: a file that is large
// should not go twice without being asked.
export function upload(u: Upload): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('POST', `${u.path}?${new URLSearchParams(u.query)}`);
    for (const [k, v] of Object.entries(session.headers(true))) x.setRequestHeader(k, v);
    x.setRequestHeader('Accept', 'application/json');
    x.setRequestHeader('Content-Type', u.file.type || 'application/octet-stream');
    x.upload.onprogress = (e) => e.lengthComputable && u.onProgress(e.loaded / e.total);
    x.onerror = () => reject(new Unreachable('the connection failed'));
    x.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    x.onload = () => {
      const body = read(x.responseText);
      if (x.status >= 200 && x.status < 300) resolve(body);
      else reject(problemOf(x.status, body, x.getResponseHeader('Retry-After')));
    };
    u.signal?.addEventListener('abort', () => x.abort());
    x.send(u.file);
  });
}

function read(text: string): unknown {
  try {
    return text === '' ? undefined : parse(text);
  } catch {
    return undefined; // a proxy's page, not our server's
  }
}

// What changed between two versions of an entity, as an RFC 7396 merge patch, and
// how two people's changes go together.

export type Plain = { [k: string]: unknown };

export const isObject = (v: unknown): v is Plain => typeof v === 'object' && v !== null && !Array.isArray(v);

export function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((k) => equal(a[k], b[k]));
  }
  return a === b;
}

// ASSIGNED are the fields that the server sets.
const ASSIGNED = new Set(['id', 'revision', 'created_at', 'updated_at']);

// diff is the merge patch from base to value; undefined where nothing changed. Lists
// are replaced whole, null takes a field away.
export function diff(base: Plain, value: Plain): Plain | undefined {
  const out: Plain = {};
  for (const k of new Set([...Object.keys(base), ...Object.keys(value)])) {
    const [b, v] = [base[k], value[k]];
    if (ASSIGNED.has(k) || equal(b, v)) continue;
    if (isObject(b) && isObject(v)) out[k] = diff(b, v);
    else out[k] = v === undefined ? null : v;
  }
  return Object.keys(out).length ? out : undefined;
}

// at reads a path such as "budget.daily_nanos"; parts are fields, or places of a list.
export function at(v: unknown, path: string): unknown {
  for (const part of parts(path)) {
    if (Array.isArray(v)) v = v[Number(part)];
    else if (isObject(v)) v = v[part];
    else return undefined;
  }
  return v;
}

// put returns v with x at path; undefined takes the field away.
export function put<T>(v: T, path: string, x: unknown): T {
  return set(v, parts(path), x) as T;
}

function set(v: unknown, [first, ...rest]: string[], x: unknown): unknown {
  if (first === undefined) return x;
  if (Array.isArray(v)) {
    const copy = [...v];
    copy[Number(first)] = set(copy[Number(first)], rest, x);
    return copy;
  }
  const copy: Plain = { ...(isObject(v) ? v : {}) };
  const inner = set(copy[first], rest, x);
  if (inner === undefined) delete copy[first];
  else copy[first] = inner;
  return copy;
}

export const parts = (path: string) => path.replace(/\[(\d+)\]/g, '.$1').split('.').filter((p) => p !== '');

export interface Conflict {
  path: string;
  base: unknown;
  mine: unknown;
  theirs: unknown;
}

// merge puts my changes of base over theirs. A field that both changed, and to
// different values, is a conflict; merged has mine there.
export function merge(base: Plain, mine: Plain, theirs: Plain): { merged: Plain; conflicts: Conflict[] } {
  const conflicts: Conflict[] = [];
  const walk = (b: unknown, m: unknown, t: unknown, path: string): unknown => {
    if (equal(b, m) || equal(m, t)) return t;
    if (isObject(m) && isObject(t) && (isObject(b) || b === undefined)) {
      const out: Plain = {};
      for (const k of new Set([...Object.keys(t), ...Object.keys(m)])) {
        const v = ASSIGNED.has(k) && path === '' ? t[k] : walk(b?.[k], m[k], t[k], path ? `${path}.${k}` : k);
        if (v !== undefined) out[k] = v;
      }
      return out;
    }
    if (!equal(b, t)) conflicts.push({ path, base: b, mine: m, theirs: t });
    return m;
  };
  return { merged: walk(base, mine, theirs, '') as Plain, conflicts };
}

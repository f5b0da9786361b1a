import { createContext, use, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Violation } from '../api/problem';
import { drop, keep, kept } from './draft';
import { at, diff, equal, type Plain, put } from './patch';

// Form is one entity as it is being edited: base as it was read, value as it is typed.
export interface Form {
  value: Plain;
  base: Plain;
  etag: string; // of base; '' for a new entity
  changed: boolean;
  restored?: number; // when what is shown was typed, where it comes from an earlier page
  set: (path: string, v: unknown) => void;
  reset: (base: Plain, etag: string, value?: Plain) => void;
  // What is typed but is no value yet, such as "12.5.": it must not be saved.
  unreadable: (path: string, why: string | undefined) => void;
  errorOf: (path: string) => string | undefined;
  register: (path: string) => () => void;
  refuse: (v: Violation[]) => void;
  violations: Violation[]; // all that the server named
  loose: Violation[]; // of no field that is shown
  blocked: () => boolean;
  focusFirstError: () => void;
}

// useForm keeps what is typed under key until it is saved or reset.
export function useForm(key: string, base: Plain, etag: string, initial?: Plain): Form {
  const [state, setState] = useState(() => {
    const d = kept(key);
    if (d && d.etag === etag) return { base, etag, value: d.value, restored: d.at as number | undefined };
    return { base, etag, value: initial ?? base, restored: undefined as number | undefined };
  });
  const [refused, setRefused] = useState<Violation[]>([]);
  const [unread, setUnread] = useState<Record<string, string>>({});
  const fields = useRef(new Map<string, number>());

  const changed = useMemo(() => diff(state.base, state.value) !== undefined, [state]);
  useEffect(() => {
    if (changed) keep(key, { at: Date.now(), base: state.base, value: state.value, etag: state.etag });
    else drop(key);
  }, [key, changed, state]);

  // A newer version comes in by itself as long as nothing was typed; else saving
  // finds it and puts both together.
  useEffect(() => {
    setState((s) => (s.etag === etag || diff(s.base, s.value) ? s : { base, etag, value: base, restored: undefined }));
  }, [etag, base]);

  const set = useCallback((path: string, v: unknown) => {
    setState((s) => (equal(at(s.value, path), v) ? s : { ...s, value: put(s.value, path, v) }));
    setRefused((list) => list.filter((e) => !within(e.field, path)));
  }, []);
  const reset = useCallback((b: Plain, tag: string, v: Plain = b) => {
    setState({ base: b, etag: tag, value: v, restored: undefined });
    setRefused([]);
    setUnread({});
  }, []);
  const unreadable = useCallback((path: string, why: string | undefined) => {
    setUnread(({ [path]: was, ...rest }) => (why === undefined ? (was === undefined ? { ...rest } : rest) : { ...rest, [path]: why }));
  }, []);
  const register = useCallback((path: string) => {
    fields.current.set(path, (fields.current.get(path) ?? 0) + 1);
    return () => {
      const n = (fields.current.get(path) ?? 1) - 1;
      if (n > 0) fields.current.set(path, n);
      else fields.current.delete(path);
    };
  }, []);

  // A violation belongs to the field with the longest path that holds it.
  const owner = (field: string) => {
    let best: string | undefined;
    for (const f of fields.current.keys()) if (within(field, f) && (best === undefined || f.length > best.length)) best = f;
    return best;
  };
  const errorOf = (path: string) => {
    if (unread[path] !== undefined) return unread[path];
    const mine = refused.filter((v) => owner(v.field) === path);
    return mine.length ? mine.map((v) => (v.field === path ? v.rule : `${v.field.slice(path.length).replace(/^\./, '')}: ${v.rule}`)).join('; ') : undefined;
  };
  const focusFirstError = useCallback(() => {
    requestAnimationFrame(() => document.querySelector<HTMLElement>('main [aria-invalid="true"], main .form-errors')?.focus());
  }, []);
  return {
    ...state, changed, set, reset, unreadable, errorOf, register, refuse: setRefused, violations: refused,
    loose: refused.filter((v) => owner(v.field) === undefined),
    blocked: () => Object.keys(unread).length > 0, focusFirstError,
  };
}

// within says whether field is path or something inside it.
export function within(field: string, path: string): boolean {
  return field === path || (field.startsWith(path) && /^[.[]/.test(field.slice(path.length)));
}

export const FormContext = createContext<Form | undefined>(undefined);

export function useFormContext(): Form {
  const f = use(FormContext);
  if (!f) throw new Error('a field must be inside a FormContext');
  return f;
}

// useField is what a field needs: its value, how to change it, and what is wrong with it.
export function useField<T>(name: string) {
  const form = useFormContext();
  const { register, set } = form;
  useEffect(() => register(name), [register, name]);
  return { value: at(form.value, name) as T, set: useCallback((v: T | undefined) => set(name, v), [set, name]), error: form.errorOf(name), form };
}

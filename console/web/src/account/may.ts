import { useSyncExternalStore } from 'react';
import type { Kind } from '../api/entities';
import { type Me, session } from '../api/session';

export const useMe = (): Me | undefined => useSyncExternalStore(session.subscribe, session.get).me;

// useMayEdit says whether the caller may change entities of a kind; the server decides.
export const useMayEdit = (kind: Kind): boolean => useMe()?.edits.includes(kind) ?? false;

import { createContext, use, useState } from 'react';

export interface Tree {
  archived: boolean; // shown
  search: string; // in lower case
  isOpen: (key: string, atFirst: boolean) => boolean;
  toggle: (key: string, wasOpen: boolean) => void;
}

export const TreeContext = createContext<Tree | undefined>(undefined);

export const useTreeContext = () => use(TreeContext)!;

const STORE = 'bidhawk.tree';

// useTree keeps what is open while the tab is there.
export function useTree(shown: { archived: boolean; search: string }): Tree {
  const [open, setOpen] = useState<Record<string, boolean>>(() => {
    try {
      return JSON.parse(sessionStorage.getItem(STORE) ?? '{}') as Record<string, boolean>;
    } catch {
      return {};
    }
  });
  return {
    ...shown,
    isOpen: (key, atFirst) => shown.search !== '' || (open[key] ?? atFirst),
    toggle(key, wasOpen) {
      const next = { ...open, [key]: !wasOpen };
      setOpen(next);
      try {
        sessionStorage.setItem(STORE, JSON.stringify(next));
      } catch {
        // It lasts as long as the page.
      }
    },
  };
}

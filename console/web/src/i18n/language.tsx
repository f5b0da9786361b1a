import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react';
import { fill, type Language, type Messages, type Text, type Values } from './messages';

const STORE = 'bidhawk.language';

interface Value {
  language: Language;
  setLanguage: (l: Language) => void;
}

const Context = createContext<Value>({ language: 'en', setLanguage: () => {} });

function preferred(): Language {
  try {
    const kept = localStorage.getItem(STORE);
    if (kept === 'en' || kept === 'zh') return kept;
  } catch {
    // Storage is forbidden: the browser's own choice.
  }
  return navigator.languages.find((l) => /^(en|zh)\b/.test(l))?.startsWith('zh') ? 'zh' : 'en';
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, set] = useState(preferred);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);
  const value = useMemo(() => ({
    language,
    setLanguage(l: Language) {
      set(l);
      try {
        localStorage.setItem(STORE, l);
      } catch {
        // It lasts as long as the page.
      }
    },
  }), [language]);
  return <Context value={value}>{children}</Context>;
}

export const useLanguage = () => use(Context);

// useMessages returns a page's words: t('key', {n: 3}).
export function useMessages<K extends string>(m: Messages<K>): (key: K, values?: Values) => string {
  const { language } = use(Context);
  return useCallback((key: K, values?: Values) => fill(m[language][key], values), [m, language]);
}

// useText reads a text that stands alone, such as a menu's entry.
export function useText(): (t: Text) => string {
  const { language } = use(Context);
  return useCallback((t: Text) => t[language], [language]);
}

import { useState } from 'react';
import { useLanguage, useMessages } from '../i18n/language';
import { type Language, LANGUAGES, messages } from '../i18n/messages';

const words = messages({
  language: 'Language', theme: 'Theme', system: 'As the system', light: 'Light', dark: 'Dark',
}, {
  language: '语言', theme: '主题', system: '跟随系统', light: '浅色', dark: '深色',
});

export function LanguageSwitch() {
  const { language, setLanguage } = useLanguage();
  const t = useMessages(words);
  return (
    <label className="switch">
      <span className="visually-hidden">{t('language')}</span>
      <select value={language} onChange={(e) => setLanguage(e.target.value as Language)}>
        {LANGUAGES.map((l) => <option key={l.code} value={l.code} lang={l.code}>{l.name}</option>)}
      </select>
    </label>
  );
}

type Theme = 'system' | 'light' | 'dark';
const STORE = 'bidhawk.theme'; // read by public/theme.js before the first paint

export function ThemeSwitch() {
  const t = useMessages(words);
  const [theme, setTheme] = useState(() => (document.documentElement.dataset.theme ?? 'system') as Theme);
  const choose = (next: Theme) => {
    setTheme(next);
    if (next === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(STORE, next);
    } catch {
      // It lasts as long as the page.
    }
  };
  return (
    <label className="switch">
      <span className="visually-hidden">{t('theme')}</span>
      <select value={theme} onChange={(e) => choose(e.target.value as Theme)}>
        {(['system', 'light', 'dark'] as const).map((v) => <option key={v} value={v}>{t(v)}</option>)}
      </select>
    </label>
  );
}

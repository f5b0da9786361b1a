import { useEffect, useState, useSyncExternalStore } from 'react';
import { NavLink, Outlet, useLocation, useNavigation } from 'react-router';
import { signOut } from '../api/me';
import { session } from '../api/session';
import { useMessages, useText } from '../i18n/language';
import { messages } from '../i18n/messages';
import { groups, may, pages } from '../pages/registry';
import { Button } from '../ui/Button';
import { LanguageSwitch, ThemeSwitch } from './Preferences';

const words = messages({
  skip: 'Skip to the content', menu: 'Menu', main: 'Main', out: 'Sign out', you: 'Your account', live: 'Live page',
  operator: 'Operator', agency: 'Agency', advertiser: 'Advertiser', viewer: 'Viewer', tenant: 'Account',
}, {
  skip: '跳到正文', menu: '菜单', main: '主导航', out: '退出登录', you: '您的账户', live: '实时页面',
  operator: '运营方', agency: '代理商', advertiser: '广告主', viewer: '只读用户', tenant: '账户',
});

// Shell is what every page stands in: the skip link, the menu and the main landmark.
export function Shell() {
  const t = useMessages(words);
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  const loading = useNavigation().state !== 'idle';
  useEffect(() => setOpen(false), [pathname]);
  return (
    <div className="shell">
      <a className="skip" href="#main">{t('skip')}</a>
      <header className="top">
        <NavLink to="/" className="brand"><img src="/mark.svg" alt="" width="24" height="24" />Bidhawk</NavLink>
        <button type="button" className="menu-button" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>{t('menu')}</button>
      </header>
      <div id="menu" className={open ? 'menu open' : 'menu'}>
        <Menu />
        <Who />
      </div>
      <main id="main" tabIndex={-1} aria-busy={loading || undefined}><Outlet /></main>
    </div>
  );
}

function Menu() {
  const t = useMessages(words);
  const text = useText();
  const { me } = useSyncExternalStore(session.subscribe, session.get);
  return (
    <nav aria-label={t('main')}>
      {groups.map((g) => {
        const list = pages.filter((p) => p.group === g.id && p.label && may(p, me?.role));
        if (list.length === 0 && g.id !== 'operations') return null;
        if (g.id === 'operations' && me?.role !== 'operator') return null;
        return (
          <section key={g.id} aria-label={text(g.label)}>
            <h2>{text(g.label)}</h2>
            <ul>
              {list.map((p) => <li key={p.path}><NavLink to={p.path} end={p.path === '/'}>{text(p.label!)}</NavLink></li>)}
              {g.id === 'operations' && <li><a href="/live/">{t('live')}</a></li>}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}

function Who() {
  const t = useMessages(words);
  const { me } = useSyncExternalStore(session.subscribe, session.get);
  const role = me?.role ?? '';
  return (
    <section className="who" aria-label={t('you')}>
      <p>{me?.name && <strong>{me.name}</strong>} <span className="muted">{role in words.en ? t(role as 'operator') : role}</span></p>
      <div className="switches"><LanguageSwitch /><ThemeSwitch /></div>
      <Button small look="quiet" onClick={() => void signOut()}>{t('out')}</Button>
    </section>
  );
}

import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'react-router';

export interface Crumb {
  to: string;
  text: string;
}

interface Props {
  title: string;
  crumbs?: Crumb[];
  actions?: ReactNode;
  beside?: ReactNode; // such as a badge after the title
  children: ReactNode;
}

// Page is the frame of every page: the window's title, the one h1, which gets the
// focus after a change of pages so that screen readers begin there, and its actions.
export function Page({ title, crumbs = [], actions, beside, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = `${title} · Bidhawk`;
  }, [title]);
  useEffect(() => {
    if (navigated !== undefined && navigated !== pathname) heading.current?.focus({ preventScroll: true });
    if (navigated !== pathname) scrollTo(0, 0);
    navigated = pathname;
  }, [pathname]);
  return (
    <>
      <header className="page-head">
        {crumbs.length > 0 && (
          <nav aria-label="Breadcrumb" className="crumbs">
            <ol>{crumbs.map((c) => <li key={c.to}><Link to={c.to}>{c.text}</Link></li>)}</ol>
          </nav>
        )}
        <div className="page-title">
          <h1 ref={heading} tabIndex={-1}>{title}</h1>
          {beside}
          {actions && <div className="page-actions">{actions}</div>}
        </div>
      </header>
      {children}
    </>
  );
}

let navigated: string | undefined; // the page before; none at the first

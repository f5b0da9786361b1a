import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { Link } from 'react-router';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  small?: boolean;
  busy?: boolean; // shows that it works, and takes no second click
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = 'plain', small, busy, className = '', children, ...rest }: Props) {
  return (
    <button type="button" {...rest} disabled={rest.disabled || busy} aria-busy={busy || undefined}
      className={`button ${look} ${small ? 'small' : ''} ${className}`}>
      {busy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

// LinkButton is a link that looks like a button: it leads somewhere.
export function LinkButton({ to, look = 'plain', small, children }: { to: string; look?: Look; small?: boolean; children: ReactNode }) {
  return <Link to={to} className={`button ${look} ${small ? 'small' : ''}`}>{children}</Link>;
}

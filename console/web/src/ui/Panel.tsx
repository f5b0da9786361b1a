import { type ReactNode, useId } from 'react';

// Panel is a part of a page or a form with a heading of its own.
export function Panel({ title, lead, actions, children }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id}>
      <header><h2 id={id}>{title}</h2>{actions}</header>
      {lead && <p className="lead">{lead}</p>}
      {children}
    </section>
  );
}

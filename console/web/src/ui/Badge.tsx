import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'idle' | 'info';

// Badge says a state in a word. Its color only repeats what the word says.
export function Badge({ tone = 'idle', children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return <span className={`badge ${tone}`} title={title}>{children}</span>;
}

import { createContext, type ReactNode, use, useCallback, useRef, useState } from 'react';

interface Note {
  id: number;
  text: string;
  tone: 'good' | 'bad';
}

const Context = createContext<(text: string, tone?: Note['tone']) => void>(() => {});
const SHOWN_MS = 6000;

// Toasts tells of what has happened, to screen readers too. An error that needs an
// action does not belong here: it stays beside what caused it.
export function Toasts({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<Note[]>([]);
  const next = useRef(0);
  const say = useCallback((text: string, tone: Note['tone'] = 'good') => {
    const id = next.current++;
    setNotes((list) => [...list.slice(-2), { id, text, tone }]);
    setTimeout(() => setNotes((list) => list.filter((n) => n.id !== id)), SHOWN_MS);
  }, []);
  return (
    <Context value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {notes.map((n) => <p key={n.id} className={`toast ${n.tone}`}>{n.text}</p>)}
      </div>
    </Context>
  );
}

export const useToast = () => use(Context);

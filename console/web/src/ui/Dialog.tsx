import { type ReactNode, useEffect, useId, useRef } from 'react';

interface Props {
  title: string;
  children: ReactNode;
  actions: ReactNode;
  onClose: () => void; // Escape too
  wide?: boolean;
}

// Dialog is modal: the page behind keeps what was typed, the focus comes back to
// where it was. Mount it to open it.
export function Dialog({ title, children, actions, onClose, wide }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const d = ref.current!;
    const before = document.activeElement;
    d.showModal();
    return () => {
      d.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} className={wide ? 'dialog wide' : 'dialog'} aria-labelledby={heading}
      onCancel={(e) => { e.preventDefault(); onClose(); }}>
      <h2 id={heading}>{title}</h2>
      <div className="dialog-body">{children}</div>
      <div className="actions">{actions}</div>
    </dialog>
  );
}

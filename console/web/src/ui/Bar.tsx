import { share } from '../values/money';

interface Props {
  label: string; // the figures in words
  part: bigint;
  whole: bigint;
  mark?: bigint; // where it should be by now
  tone?: 'good' | 'warn' | 'bad' | 'idle';
}

const clamp = (n: number) => Math.min(1, Math.max(0, n));

// Bar shows a part of a whole, with a mark for where it should be.
export function Bar({ label, part, whole, mark, tone = 'good' }: Props) {
  // What is not nothing is seen.
  const width = part > 0n ? Math.max(0.008, clamp(share(part, whole))) : 0;
  return (
    <svg className={`bar ${tone}`} role="img" aria-label={label} viewBox="0 0 100 8" preserveAspectRatio="none">
      <title>{label}</title>
      <rect className="bar-whole" width="100" height="8" />
      <rect className="bar-part" width={(100 * width).toFixed(2)} height="8" />
      {mark !== undefined && whole > 0n && <rect className="bar-mark" x={(99 * clamp(share(mark, whole))).toFixed(2)} width="1" height="8" />}
    </svg>
  );
}

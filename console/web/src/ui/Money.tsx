import { exactMicros, exactNanos, rounded } from '../values/money';

// Money shows an amount in nanos, rounded for reading; hovering shows every digit.
export function Money({ nanos, currency, exact = false }: { nanos: bigint; currency?: string; exact?: boolean }) {
  const all = exactNanos(nanos);
  return (
    <span className="money" title={currency ? `${all} ${currency}` : all}>
      {exact ? all : rounded(nanos)}{currency && <span className="currency"> {currency}</span>}
    </span>
  );
}

// Price shows a price in micros with every digit.
export function Price({ micros, currency }: { micros: bigint; currency?: string }) {
  return <span className="money">{exactMicros(micros)}{currency && <span className="currency"> {currency}</span>}</span>;
}

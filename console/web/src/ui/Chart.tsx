import { lazy, Suspense } from 'react';

export interface Series {
  label: string;
  values: (number | null)[];
  color?: 'first' | 'second' | 'third' | 'muted'; // first where not said
  dashed?: boolean;
  fill?: boolean;
}

export interface ChartProps {
  label: string; // what it shows, for who does not see it
  x: number[]; // Unix seconds where time, else plain numbers
  series: Series[];
  zone?: string; // of the time axis; none: x are plain numbers
  y?: (v: number) => string;
  xText?: (v: number) => string;
  height?: number;
}

const Plot = lazy(() => import('./uplot'));

// Chart draws lines. The drawing comes in a file of its own, when one is first shown;
// beside it stands a table of the same figures for screen readers.
export function Chart(props: ChartProps) {
  const { label, x, series, y = String, xText = String, height = 220 } = props;
  const step = Math.max(1, Math.ceil(x.length / 48)); // a table that can be listened to
  return (
    <figure className="chart">
      <div aria-hidden="true" className="plot">
        <Suspense fallback={<div className="plot-wait" />}><Plot {...props} height={height} /></Suspense>
      </div>
      <table className="visually-hidden">
        <caption>{label}</caption>
        <thead><tr><td />{series.map((s) => <th key={s.label} scope="col">{s.label}</th>)}</tr></thead>
        <tbody>
          {x.map((v, i) => i % step === 0 && (
            <tr key={v}><th scope="row">{xText(v)}</th>{series.map((s) => <td key={s.label}>{s.values[i] == null ? '' : y(s.values[i]!)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

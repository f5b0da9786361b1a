import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartProps } from './Chart';

const COLORS = { first: '--chart-1', second: '--chart-2', third: '--chart-3', muted: '--muted' };

// The plot is made anew where its shape changes, and fed where only figures do.
export default function Plot({ x, series, zone, y = String, xText, height = 220 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(null);
  const shape = JSON.stringify([series.map(({ values: _, ...s }) => s), zone, height]);
  useEffect(() => {
    const element = box.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = new UPlot(options(element, { x, series, zone, y, xText, height, label: '' }), [x, ...series.map((s) => s.values)], element);
    };
    make();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', make);
    const theme = new MutationObserver(make);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      theme.disconnect();
      dark.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = null;
    };
    // The figures are fed below.
  }, [shape]);
  useEffect(() => plot.current?.setData([x, ...series.map((s) => s.values)]), [x, series]);
  return <div ref={box} className="plot-box" />;
}

function options(element: HTMLElement, p: ChartProps): UPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim() || 'gray';
  const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
  const { y = String, xText, zone } = p;
  return {
    width: element.clientWidth, height: p.height ?? 220, legend: { show: false }, cursor: { y: false },
    ...(zone && { tzDate: (t: number) => UPlot.tzDate(new Date(t * 1000), zone) }),
    scales: { x: { time: Boolean(zone) }, y: { range: (_, min, max) => [Math.min(0, min), max > 0 ? max * 1.05 : 1] } },
    axes: [
      { ...axis, ...(!zone && xText && { values: (_, at) => at.map(xText) }) },
      { ...axis, size: 64, values: (_, at) => at.map((v) => y(v)) },
    ],
    series: [{}, ...p.series.map((s) => {
      const stroke = color(COLORS[s.color ?? 'first']);
      return { label: s.label, stroke, width: 1.5, points: { show: false }, ...(s.dashed && { dash: [5, 4] }), ...(s.fill && { fill: `color-mix(in srgb, ${stroke} 14%, transparent)` }) };
    })],
  };
}

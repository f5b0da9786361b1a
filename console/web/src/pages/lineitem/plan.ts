// The plan of a line item as a curve, under traffic that is the same at every hour:
// what the pacer follows is the traffic that it learns.

import type { Campaign, LineItem } from '../../api/entities';
import { dates, hourOfWeek } from '../../account/state';
import { UNIT } from '../../values/money';
import { startOfDay, today } from '../../values/zone';

export interface Curve {
  x: number[]; // Unix seconds
  planned: number[]; // units of the currency; for the eye alone
  total: bigint;
}

const LEAD = 0.25; // how much faster than even "ahead" starts
const DAY = 86_400_000;
const MAX_DAYS = 370;

// curve is the charge planned by each moment; undefined where no budget bounds it.
export function curve(l: LineItem, c: Campaign, zone: string): Curve | undefined {
  const { start, end } = dates(l, c);
  const [daily, lifetime] = [l.budget?.daily_nanos ?? 0n, l.budget?.lifetime_nanos ?? 0n];
  if (!(start < end) || (daily === 0n && lifetime === 0n)) return undefined;
  const steps = days(start, end, zone).flatMap((d) => hours(d, l, zone));
  const open = steps.reduce((n, s) => n + s.weight, 0);
  if (open === 0) return undefined;
  const x = [start.getTime() / 1000];
  const planned = [0];
  let [gone, spent, ofDay, day] = [0, 0, 0, ''];
  const [perDay, inAll] = [Number(daily) / Number(UNIT), Number(lifetime) / Number(UNIT)];
  for (const s of steps) {
    if (s.day !== day) [day, ofDay] = [s.day, 0];
    gone += s.weight;
    if (s.weight > 0) {
      let due = Infinity;
      if (inAll > 0) due = Math.min(due, l.pacing === 'asap' ? inAll - spent : inAll * at(gone / open, l.pacing) - spent);
      if (perDay > 0) {
        const u = (s.dayGone + s.weight) / s.dayWeight;
        due = Math.min(due, (l.pacing === 'asap' ? perDay : perDay * at(u, l.pacing)) - ofDay);
        if (inAll > 0) due = Math.min(due, inAll - spent);
      }
      const part = Math.max(0, due);
      spent += part;
      ofDay += part;
    }
    x.push(s.to / 1000);
    planned.push(spent);
  }
  return { x, planned, total: BigInt(Math.round(spent * 1e6)) * 1000n };
}

const at = (u: number, pacing: string) => Math.min(1, pacing === 'ahead' ? u + LEAD * u * (1 - u) : u);

interface Part {
  from: Date;
  to: Date;
  day: string;
}

// days cuts the time into the advertiser's days.
function days(start: Date, end: Date, zone: string): Part[] {
  const out: Part[] = [];
  for (let from = start; from < end && out.length < MAX_DAYS;) {
    const day = today(from, zone);
    const next = startOfDay(today(new Date(startOfDay(day, zone).getTime() + 1.5 * DAY), zone), zone);
    const to = next < end ? next : end;
    out.push({ from, to, day });
    from = to;
  }
  return out;
}

// hours cuts a day into its hours, each with the part of it in which the line item may bid.
function hours(p: Part, l: LineItem, zone: string): { to: number; weight: number; day: string; dayGone: number; dayWeight: number }[] {
  const allowed = l.targeting?.hours_of_week;
  const inFlight = (t: number) => !l.flights?.length || l.flights.some((f) => Date.parse(f.start ?? '') <= t && t < Date.parse(f.end ?? ''));
  const out = [];
  let dayGone = 0;
  for (let t = p.from.getTime(); t < p.to.getTime();) {
    const to = Math.min(t + 3_600_000, p.to.getTime());
    const open = inFlight(t) && (!allowed?.length || allowed.includes(hourOfWeek(new Date(t), zone)));
    const weight = open ? (to - t) / 3_600_000 : 0;
    out.push({ to, weight, day: p.day, dayGone, dayWeight: 0 });
    dayGone += weight;
    t = to;
  }
  return out.map((h) => ({ ...h, dayWeight: dayGone }));
}

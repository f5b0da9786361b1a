// The plan of a line item as a curve, under traffic that is the same at every hour:
// what the pacer follows is the traffic that it learns.

import type { Campaign, LineItem } from '../../api/entities';
import { dates } from '../../account/state';
import { UNIT } from '../../values/money';
import { startOfDay, today, wall } from '../../values/zone';

export interface Curve {
  x: number[]; // Unix seconds
  planned: number[]; // units of the currency; for the eye alone
  total: bigint;
  cutDays?: number; // where the time is longer than what is drawn
}

const LEAD = 0.25; // how much faster than even "ahead" starts
const DAY = 86_400_000;
const HOUR = 3_600_000;
const MAX_DAYS = 370;
const FEW_DAYS = 62; // are drawn hour by hour

// curve is the charge planned by each moment; undefined where no budget bounds it.
export function curve(l: LineItem, c: Campaign, zone: string): Curve | undefined {
  const { start, end } = dates(l, c);
  const [daily, lifetime] = [l.budget?.daily_nanos ?? 0n, l.budget?.lifetime_nanos ?? 0n];
  if (!(start < end) || (daily === 0n && lifetime === 0n)) return undefined;
  const parts = days(start, end, zone);
  const steps = parts.flatMap((d) => hours(d, l, parts.length > FEW_DAYS));
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
  const cut = steps.at(-1)!.to < end.getTime();
  return { x, planned, total: BigInt(Math.round(spent * 1e6)) * 1000n, ...(cut && { cutDays: MAX_DAYS }) };
}

const at = (u: number, pacing: string) => Math.min(1, pacing === 'ahead' ? u + LEAD * u * (1 - u) : u);

interface Part {
  from: Date;
  to: Date;
  day: string;
  midnight: Date; // that began the day
}

// days cuts the time into the advertiser's days.
function days(start: Date, end: Date, zone: string): Part[] {
  const out: Part[] = [];
  let midnight = startOfDay(today(start, zone), zone);
  for (let from = start; from < end && out.length < MAX_DAYS;) {
    const day = today(midnight, zone);
    let next = new Date(midnight.getTime() + DAY);
    // The clocks of that day go forward or back.
    if (wall(next, zone).slice(11) !== '00:00:00') next = startOfDay(today(new Date(midnight.getTime() + 1.5 * DAY), zone), zone);
    const to = next < end ? next : end;
    out.push({ from, to, day, midnight });
    [from, midnight] = [to, next];
  }
  return out;
}

interface Step {
  to: number;
  weight: number; // hours of it in which the line item may bid
  day: string;
  dayGone: number;
  dayWeight: number;
}

// hours cuts a day into its hours, or leaves it whole where there are many.
function hours(p: Part, l: LineItem, whole: boolean): Step[] {
  const allowed = l.targeting?.hours_of_week;
  const weekday = (new Date(`${p.day}T00:00Z`).getUTCDay() + 6) % 7;
  const inFlight = (t: number) => !l.flights?.length || l.flights.some((f) => Date.parse(f.start ?? '') <= t && t < Date.parse(f.end ?? ''));
  const out: Step[] = [];
  let dayGone = 0;
  for (let t = p.from.getTime(); t < p.to.getTime();) {
    const to = Math.min(t + HOUR, p.to.getTime());
    // Hours since midnight: an hour off for the rest of a day whose clocks change.
    const hour = Math.min(23, Math.floor((t - p.midnight.getTime()) / HOUR));
    const open = inFlight(t) && (!allowed?.length || allowed.includes(weekday * 24 + hour));
    const weight = open ? (to - t) / HOUR : 0;
    out.push({ to, weight, day: p.day, dayGone, dayWeight: 0 });
    dayGone += weight;
    t = to;
  }
  if (whole) return [{ to: p.to.getTime(), weight: dayGone, day: p.day, dayGone: 0, dayWeight: dayGone }];
  return out.map((h) => ({ ...h, dayWeight: dayGone }));
}

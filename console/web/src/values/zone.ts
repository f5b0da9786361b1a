// Times of an advertiser's own zone: people see and type its wall clock, the wire has
// RFC 3339 in UTC.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let f = formats.get(zone);
  if (!f) {
    f = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    });
    formats.set(zone, f);
  }
  return f;
}

// wall is the wall clock of zone at an instant, "2026-11-26T09:30:00".
export function wall(at: Date, zone: string): string {
  const p = Object.fromEntries(format(zone).formatToParts(at).map((x) => [x.type, x.value]));
  return `${p.year!.padStart(4, '0')}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}`;
}

const WALL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/;

// instant is when the clocks of zone show wall. Where they show it twice it is the
// first time; where they skip it, as long after the jump; undefined if it is no time.
export function instant(text: string, zone: string): Date | undefined {
  if (!WALL.test(text)) return undefined;
  const asUTC = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  if (Number.isNaN(asUTC)) return undefined;
  const offset = (t: number) => Date.parse(`${wall(new Date(t), zone)}Z`) - Math.floor(t / 1000) * 1000;
  const day = 86_400_000;
  const before = asUTC - offset(asUTC - day);
  const after = asUTC - offset(asUTC + day);
  if (offset(before) === offset(asUTC - day)) return new Date(before);
  if (offset(after) === offset(asUTC + day)) return new Date(after);
  return new Date(before);
}

// today is the date in zone.
export const today = (at: Date, zone: string) => wall(at, zone).slice(0, 10);

// startOfDay is the first instant of a date in zone.
export const startOfDay = (date: string, zone: string) => instant(`${date}T00:00`, zone)!;

// daysLeft is how many days remain until end, rounded up; 0 once it is over.
export function daysLeft(now: Date, end: Date): number {
  return Math.max(0, Math.ceil((end.getTime() - now.getTime()) / 86_400_000));
}

// shortZone is the zone's offset as people know it: "GMT+1".
export function shortZone(at: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(at);
  return parts.find((p) => p.type === 'timeZoneName')?.value ?? zone;
}

export const known = (zone: string) => {
  try {
    format(zone);
    return true;
  } catch {
    return false;
  }
};

export const zones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((z) => z !== 'UTC')];

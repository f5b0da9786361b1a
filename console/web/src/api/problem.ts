// Problem details (RFC 9457) as the API answers them.

export interface Violation {
  field: string; // path from the kind: "line_item.targeting.hours_of_week[3]"
  value: string;
  rule: string;
}

// Problem is an error answer.
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly violations: Violation[] = [],
    readonly retryAfterSeconds = 0,
  ) {
    super(detail);
  }
}

// Unreachable is no answer at all: the connection failed or took too long.
export class Unreachable extends Error {}

// SignedOut is a call that was given up because nobody signed in again.
export class SignedOut extends Error {}

export function problemOf(status: number, body: unknown, retryAfter: string | null): Problem {
  const p = (typeof body === 'object' && body !== null ? body : {}) as { title?: unknown; detail?: unknown; errors?: unknown };
  const detail = [p.detail, p.title].find((t): t is string => typeof t === 'string' && t !== '') ?? `HTTP ${status}`;
  const errors = Array.isArray(p.errors) ? p.errors : [];
  return new Problem(status, detail, errors.map(violation), Number(retryAfter ?? 0) || 0);
}

function violation(e: unknown): Violation {
  const v = (typeof e === 'object' && e !== null ? e : {}) as Record<string, unknown>;
  const text = (x: unknown) => (typeof x === 'string' ? x : x === undefined || x === null ? '' : String(x));
  return { field: text(v.field), value: text(v.value), rule: text(v.rule) };
}

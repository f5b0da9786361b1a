// The poll: /v1/live each second, one request at a time, with backoff while the
// server is away. It never gives up and needs no reload.

import { Refused, explain, getBrakes, getKillSwitches, getLive, hasKey } from './api.js';
import { brakes, killSwitches, live } from './model.js';

const EVERY_MS = 1000;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15000];
const SWITCHES_EVERY = 5; // polls

// Live holds the newest data and how the poll goes:
//   body      the last good answer of model.live(), kept through every failure
//   received  when it came, by this machine's clock
//   switches  Map of kill switches that are on; null while unknown
//   brakes    list of what stops bidding; null while unknown, kept through failures
//   failure   null, or {message, retryAt}
//   refused   null, or the server's words: the poll rests until resume()
export class Live {
  body = null;
  received = 0;
  switches = null;
  brakes = null;
  failure = null;
  refused = null;
  #changed;
  #timer = 0;
  #busy = false;
  #failures = 0;
  #polls = 0;

  // changed is called after each change of the fields above.
  constructor(changed) {
    this.#changed = changed;
    // A hidden tab's timers are slowed by the browser; look at once on return.
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.soon(); });
    addEventListener('online', () => this.soon());
  }

  // resume polls again after a key was given.
  resume() {
    this.refused = null;
    this.#failures = 0;
    this.soon();
  }

  // soon polls now rather than at the next turn.
  soon() {
    if (!this.#busy && hasKey() && this.refused === null) this.#poll();
  }

  // freshSwitches makes the next poll ask for the kill switches.
  freshSwitches() {
    this.#polls = 0;
    this.soon();
  }

  async #poll() {
    clearTimeout(this.#timer);
    this.#busy = true;
    try {
      const body = live(await getLive());
      const flipped = this.body !== null && this.body.killed !== body.killed;
      this.body = body;
      this.received = Date.now();
      this.failure = null;
      this.#failures = 0;
      if (flipped || this.#polls++ % SWITCHES_EVERY === 0) await this.#pollSwitches();
      this.#next(EVERY_MS);
    } catch (err) {
      if (err instanceof Refused) this.refused = err.message;
      else this.#fail(err);
    } finally {
      this.#busy = false;
    }
    this.#changed();
  }

  // Their failure alone must not hide the live data.
  async #pollSwitches() {
    try {
      [this.switches, this.brakes] = [killSwitches(await getKillSwitches()), brakes(await getBrakes())];
    } catch (err) {
      if (err instanceof Refused) throw err;
      this.switches = null;
    }
  }

  #fail(err) {
    const wait = BACKOFF_MS[Math.min(this.#failures++, BACKOFF_MS.length - 1)];
    // Some jitter: a hundred open pages must not return in the same instant.
    const ms = wait * (0.8 + 0.4 * Math.random());
    this.failure = { message: explain(err), retryAt: Date.now() + ms };
    this.#next(ms);
  }

  #next(ms) {
    this.#timer = setTimeout(() => this.soon(), ms);
  }
}

// The kill switches: a dialog that wants a reason and a typed word, for
// everything or for one line item. What was typed is kept until it was done.

import { Refused, explain, putKillSwitch } from './api.js';
import { $, setText, showIf } from './dom.js';

const encoder = new TextEncoder();
const REASON_BYTES = [3, 500]; // the API's rule, said before it has to

export class KillDialog {
  #dialog = $('kill');
  #drafts = new Map(); // reason by target and way, of dialogs that were closed
  #target = null; // {id, name, on}: on is what the switch is to become
  #busy = false;
  #done;
  #refused;

  // done is called after a switch was set; refused with the server's words when
  // another key is needed.
  constructor(done, refused) {
    this.#done = done;
    this.#refused = refused;
    $('kill-form').addEventListener('submit', (e) => { e.preventDefault(); this.#submit(); });
    $('kill-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#drafts.set(this.#draft(), $('kill-reason').value));
    for (const id of ['kill-reason', 'kill-word']) $(id).addEventListener('input', () => this.#error(id, ''));
    // A click beside the dialog closes nothing: it may be a slip of a tired hand.
  }

  // open asks for target: id is 'all' or a line item's, on what it shall become.
  open(target) {
    this.#target = target;
    const { id, name, on } = target;
    const what = id === 'all' ? 'all bidding' : `“${name}”`;
    setText($('kill-title'), `${on ? 'Stop' : 'Resume'} ${what}${on ? '' : id === 'all' ? '' : ' bidding'}`);
    setText($('kill-about'), on
      ? `${id === 'all' ? 'No line item' : 'This line item no longer'} bids from within a second on. Wins, clicks and conversions of earlier bids still count and settle as usual.`
      : 'Bids go out again within a second, within budgets and plans.');
    setText($('kill-word-label'), `Type ${this.#word()} to confirm`);
    setText($('kill-submit'), on ? (id === 'all' ? 'Stop all bidding' : 'Stop this line item') : 'Resume bidding');
    $('kill-submit').className = on ? 'danger' : 'primary';
    $('kill-reason').value = this.#drafts.get(this.#draft()) ?? '';
    $('kill-word').value = '';
    this.#errors({});
    this.#dialog.showModal();
    $('kill-reason').focus();
  }

  #word() { return this.#target.on ? 'STOP' : 'RESUME'; }

  #draft() { return `${this.#target.id} ${this.#target.on}`; }

  async #submit() {
    if (this.#busy) return;
    const reason = $('kill-reason').value.trim();
    const wrong = this.#check(reason);
    this.#errors(wrong);
    if (wrong.reason || wrong.word) {
      $(wrong.reason ? 'kill-reason' : 'kill-word').focus();
      return;
    }
    this.#setBusy(true);
    try {
      await putKillSwitch(this.#target.id, this.#target.on, reason);
      $('kill-reason').value = '';
      this.#dialog.close();
      this.#done();
    } catch (err) {
      this.#fail(err);
    } finally {
      this.#setBusy(false);
    }
  }

  #check(reason) {
    const bytes = encoder.encode(reason).length;
    const [least, most] = REASON_BYTES;
    return {
      reason: bytes < least ? 'Say why, for whoever comes next.' : bytes > most ? `Too long by ${bytes - most} bytes; at most ${most}.` : '',
      word: $('kill-word').value.trim().toUpperCase() === this.#word() ? '' : `Type ${this.#word()}, as said above.`,
    };
  }

  // The server's violations go beside their fields; the dialog stays as typed.
  #fail(err) {
    if (err instanceof Refused) {
      this.#errors({ rest: `Not done: ${err.message}.` });
      this.#refused(err.message);
      return;
    }
    const reason = (err.violations ?? []).filter((v) => v.field?.endsWith('reason')).map((v) => v.rule).join('; ');
    const rest = (err.violations ?? []).filter((v) => !v.field?.endsWith('reason')).map((v) => `${v.field} ${v.rule}`).join('; ');
    this.#errors({ reason, rest: rest || (reason ? '' : `Not known to be done: ${explain(err)}. Look at the state before you try again.`) });
  }

  #errors({ reason = '', word = '', rest = '' }) {
    this.#error('kill-reason', reason);
    this.#error('kill-word', word);
    setText($('kill-error'), rest);
    showIf($('kill-error'), rest !== '');
  }

  #error(id, text) {
    $(id).setAttribute('aria-invalid', String(text !== ''));
    setText($(`${id}-error`), text);
    showIf($(`${id}-error`), text !== '');
  }

  #setBusy(busy) {
    this.#busy = busy;
    $('kill-submit').setAttribute('aria-disabled', String(busy));
    $('kill-form').classList.toggle('busy', busy);
  }
}

// The sign-in form: asks for a key, again with the reason when one is refused.
// The page behind keeps its data and whatever was typed.

import { setKey } from './api.js';
import { $, setText, showIf } from './dom.js';

export class SignIn {
  #dialog = $('signin');
  #given;

  // given is called after a key was typed.
  constructor(given) {
    this.#given = given;
    $('signin-form').addEventListener('submit', (e) => { e.preventDefault(); this.#submit(); });
    $('signin-close').addEventListener('click', () => this.#dialog.close());
  }

  // open shows the form; reason is the server's, '' at the first time.
  open(reason) {
    setText($('signin-reason'), reason && `The key was refused: ${reason}.`);
    showIf($('signin-reason'), Boolean(reason));
    this.#error('');
    if (!this.#dialog.open) this.#dialog.showModal();
    $('key').focus();
    $('key').select();
  }

  // accepted forgets what was typed: the server took the key.
  accepted() {
    if (!this.#dialog.open && $('key').value) $('key').value = '';
  }

  #submit() {
    const key = $('key').value.trim();
    // A header holds visible ASCII only; anything else is a slip of the clipboard.
    if (!/^[!-~]+$/.test(key)) {
      this.#error(key ? 'A key has no spaces or accents. Copy it again.' : 'Paste the key; it starts with bhk_.');
      $('key').focus();
      return;
    }
    setKey(key);
    this.#dialog.close();
    this.#given();
  }

  #error(text) {
    setText($('key-error'), text);
    showIf($('key-error'), text !== '');
    $('key').setAttribute('aria-invalid', String(text !== ''));
  }
}

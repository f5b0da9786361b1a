// Theme: as the system says, or as the person chose. The choice is this
// browser's; every colour is a light-dark() pair, so one attribute is enough.

const STORE = 'bidhawk.theme';
const ORDER = ['auto', 'light', 'dark'];

function stored() {
  try {
    const t = localStorage.getItem(STORE);
    return ORDER.includes(t) ? t : 'auto';
  } catch { // storage forbidden: the choice lasts as long as the page
    return 'auto';
  }
}

function apply(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

let theme = stored();
apply(theme);

// attachTheme lets button turn through the themes.
export function attachTheme(button) {
  const show = () => { button.lastElementChild.textContent = theme; };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    apply(theme);
    try { localStorage.setItem(STORE, theme); } catch { /* as above */ }
    show();
  });
  show();
}

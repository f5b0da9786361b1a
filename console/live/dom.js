// The few lines of DOM that the page needs. Text goes in as text only: no name
// of a line item is ever read as markup.

export const $ = (id) => document.getElementById(id);

// el makes an element. Props are attributes; 'text' is its text and a function
// is a listener ("onclick").
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (v === undefined || v === false) continue;
    if (k === 'text') node.textContent = v;
    else if (typeof v === 'function') node.addEventListener(k.slice(2), v);
    else node.setAttribute(k, v === true ? '' : v);
  }
  node.append(...children);
  return node;
}

// setText and setAttr write only what changed: a page that is redrawn each
// second must not disturb a selection, a screen reader or the layout.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttr(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// showIf hides node and tells assistive technology so.
export function showIf(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

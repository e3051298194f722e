// Elements without innerHTML: what is put into them is text and stays text.

export function make(tag, text, attributes) {
  var node = document.createElement(tag);
  if (text) node.textContent = text;
  Object.keys(attributes || {}).forEach(function (name) { node.setAttribute(name, attributes[name]); });
  return node;
}

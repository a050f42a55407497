/* For hosts that forbid styles in attributes: what a library writes into one goes through the style object instead. */
(function () {
"use strict";
var MARK = "data-gridgis-style", own = Element.prototype.setAttribute;
var inner = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");

var create = document.createElement;

document.createElement = function (tag, options) {
  if (String(tag).toLowerCase() !== "style") { return create.call(this, tag, options); }
  var stand = create.call(document, "x-style");
  stand.hidden = true;
  setTimeout(function () {
    var sheet = new CSSStyleSheet();
    sheet.replaceSync(stand.textContent);
    document.adoptedStyleSheets = Array.prototype.concat.call([], Array.from(document.adoptedStyleSheets), sheet);
  }, 0);
  return stand;
};

Element.prototype.setAttribute = function (name, value) {
  if (String(name).toLowerCase() === "style" && this.style) {
    this.style.cssText = value;
  } else {
    own.call(this, name, value);
  }
};

Object.defineProperty(Element.prototype, "innerHTML", {
  configurable: true,
  enumerable: inner.enumerable,
  get: inner.get,
  set: function (text) {
    var marked = String(text).replace(/(<[a-z][^<>]*?\s)style(\s*=)/gi, "$1" + MARK + "$2");
    inner.set.call(this, marked);
    Array.prototype.forEach.call(this.querySelectorAll("[" + MARK + "]"), function (node) {
      node.style.cssText = node.getAttribute(MARK);
      node.removeAttribute(MARK);
    });
  }
});
})();

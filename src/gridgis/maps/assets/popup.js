"use strict";
window.$ = window.$ || function (what) {
  if (typeof what !== "string") { return { ready: function (act) { act(); } }; }
  var box = document.createElement("template");
  box.innerHTML = what.trim();
  return [box.content.firstElementChild];
};

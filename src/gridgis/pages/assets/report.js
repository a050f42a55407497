/* The map of a report: tooltips at once and by touch, zoom, links from the tables. Text goes in by textContent only.
   Without this script the page shows all the same, with the tooltips that browsers make of <title>. */
(function () {
"use strict";
var map = document.querySelector(".map"), view = map.querySelector(".view"), svg = view.querySelector("svg");
var tip = map.querySelector(".tip"), zoom = 1, chosen = null, base = null;

Array.prototype.forEach.call(svg.querySelectorAll("path[id]"), function (path) {
  var title = path.querySelector("title");
  path.gridgisText = title.textContent;
  path.removeChild(title);
});

function show(path, x, y) {
  var frame = map.getBoundingClientRect();
  tip.textContent = path.gridgisText;
  tip.hidden = false;
  x -= frame.left;
  y -= frame.top;
  var left = x + 14 + tip.offsetWidth > frame.width ? x - 14 - tip.offsetWidth : x + 14;
  var top = y + 14 + tip.offsetHeight > frame.height ? y - 14 - tip.offsetHeight : y + 14;
  tip.style.left = Math.max(left, 4) + "px";
  tip.style.top = Math.max(top, 4) + "px";
}

function choose(path) {
  if (chosen) { svg.removeChild(chosen); }
  chosen = path && path.cloneNode(false);
  if (chosen) {
    chosen.removeAttribute("id");
    chosen.setAttribute("class", "chosen");
    svg.appendChild(chosen);
  }
}

function cell(event) { return event.target.gridgisText === undefined ? null : event.target; }

function pointed(event) {
  var path = cell(event);
  if (path) { show(path, event.clientX, event.clientY); } else if (event.pointerType === "mouse") { tip.hidden = true; }
}

view.addEventListener("pointermove", function (event) { if (!drag || !drag.moved) { pointed(event); } });
view.addEventListener("pointerleave", function (event) { if (event.pointerType === "mouse") { tip.hidden = true; } });
view.addEventListener("scroll", function () { tip.hidden = true; });
view.addEventListener("click", function (event) {
  if (drag && drag.moved) { return; }
  var path = cell(event);
  choose(path);
  if (path) { show(path, event.clientX, event.clientY); } else { tip.hidden = true; }
});

/* The mouse drags what is larger than its frame; fingers do so by themselves. */
var drag = null;
view.addEventListener("pointerdown", function (event) {
  drag = null;
  if (event.pointerType === "mouse" && event.button === 0 && zoom > 1) {
    drag = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, down: true, moved: false };
  }
});
window.addEventListener("pointermove", function (event) {
  if (!drag || !drag.down) { return; }
  var x = event.clientX - drag.x, y = event.clientY - drag.y;
  if (Math.abs(x) + Math.abs(y) > 4) { drag.moved = true; }
  if (drag.moved) {
    view.scrollLeft = drag.left - x;
    view.scrollTop = drag.top - y;
  }
});
window.addEventListener("pointerup", function () { if (drag) { drag.down = false; } });

/* Zoom about the middle of the view. */
function setZoom(wanted) {
  var x = (view.scrollLeft + view.clientWidth / 2) / view.scrollWidth;
  var y = (view.scrollTop + view.clientHeight / 2) / view.scrollHeight;
  if (zoom === 1) { base = { width: svg.clientWidth, height: svg.clientHeight }; }
  zoom = Math.min(Math.max(wanted, 1), 16);
  map.className = zoom > 1 ? "map zoomed" : "map";
  view.style.height = zoom > 1 ? base.height + "px" : "";
  svg.style.width = zoom > 1 ? base.width * zoom + "px" : "";
  svg.style.height = zoom > 1 ? base.height * zoom + "px" : "";
  svg.style.fontSize = zoom > 1 ? svg.getAttribute("font-size") / zoom + "px" : "";
  view.scrollLeft = x * view.scrollWidth - view.clientWidth / 2;
  view.scrollTop = y * view.scrollHeight - view.clientHeight / 2;
  tip.hidden = true;
}

var buttons = map.querySelector(".zoom");
buttons.hidden = false;
buttons.addEventListener("click", function (event) {
  var what = event.target.getAttribute("data-zoom");
  if (what) { setZoom(what === "whole" ? 1 : what === "zoom_in" ? zoom * 1.6 : zoom / 1.6); }
});
window.addEventListener("resize", function () { setZoom(1); });
window.addEventListener("beforeprint", function () { setZoom(1); });

/* A code in a table leads to its cell. */
document.addEventListener("click", function (event) {
  var link = event.target.closest ? event.target.closest("a[href^='#c']") : null;
  var path = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!path) { return; }
  event.preventDefault();
  choose(path);
  path.scrollIntoView({ block: "center", inline: "center" });
  window.requestAnimationFrame(function () { /* after the scrolling, which hides tooltips */
    var place = path.getBoundingClientRect();
    show(path, place.left + place.width / 2, place.top + place.height / 2);
  });
});
})();

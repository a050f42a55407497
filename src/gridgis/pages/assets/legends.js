/* Legends of folium children. Words go in by textContent only; sizes by the style object, never by an attribute. */
(function () {
"use strict";
var SVG = "http://www.w3.org/2000/svg";

function make(tag, name, text, parent) {
  var node = document.createElement(tag);
  if (name) { node.className = name; }
  if (text !== undefined) { node.textContent = text; }
  return parent ? parent.appendChild(node) : node;
}

function drawn(parent, tag, attributes) {
  var node = document.createElementNS(SVG, tag);
  Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
  return parent.appendChild(node);
}

function control(map, position, box) {
  var made = L.control({ position: position });
  made.onAdd = function () {
    L.DomEvent.disableClickPropagation(box);
    return box;
  };
  return made.addTo(map);
}

function number(value) {
  if (typeof value !== "number") { return String(value); }
  var parts = String(Math.round(value * 1e6) / 1e6).split(".");
  parts[0] = parts[0].replace(/\B(?=(\d{3})+$)/g, ",");
  return parts.join(".");
}

/* A number of rows, thousands parted by commas. */
function counted(value) { return String(value).replace(/\B(?=(\d{3})+$)/g, ","); }

/* A box that may scroll: a stop for Tab, so that arrow keys scroll it. */
function boxed(caption) {
  var box = make("div", "gridgis-legendbox");
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  if (caption) { box.setAttribute("aria-label", caption); }
  return box;
}

function bar(map, model) {
  var box = make("div", "legend gridgis-legendbox"), width = 400, step = width / model.colours.length;
  var caption = make("div", "gridgis-legendcaption", model.caption, box);
  caption.style.color = model.colour;
  var svg = drawn(box, "svg", { width: width + 40, height: 32, viewBox: "-20 0 " + (width + 40) + " 32", role: "img" });
  svg.setAttribute("aria-label", model.caption + ": " + number(model.low) + " – " + number(model.high));
  model.colours.forEach(function (colour, i) {
    drawn(svg, "rect", { x: i * step, y: 0, width: step + 0.5, height: 12, fill: colour });
  });
  var last = -100;
  model.ticks.forEach(function (tick) {
    if (tick === "") { return; }
    var x = (tick - model.low) / (model.high - model.low || 1) * width;
    drawn(svg, "line", { x1: x, x2: x, y1: 12, y2: 16, stroke: model.colour });
    if (x - last < 36) { return; }
    last = x;
    var text = drawn(svg, "text", { x: x, y: 28, "text-anchor": "middle", "font-size": 11, fill: model.colour });
    text.textContent = number(tick);
  });
  return control(map, "topright", box);
}

function classes(map, model) {
  var box = boxed(model.caption), table = make("table", "", undefined, box);
  make("caption", "gridgis-legendcaption", model.caption, table);
  var body = make("tbody", "", undefined, table);
  model.rows.forEach(function (row) {
    var line = make("tr", "", undefined, body), head = make("th", "", undefined, line);
    head.scope = "row";
    var patch = make("span", "gridgis-legendpatch", undefined, head);
    patch.style.backgroundColor = row.fill;
    make("span", "", row.text, head);
    make("td", "", counted(row.count), line);
  });
  return control(map, model.position, box);
}

/* One mark a map, however often it is asked for. */
function mark(map, text) {
  if (!map.gridgisMark) { map.gridgisMark = control(map, "topright", make("div", "gridgis-mark", text)); }
  return map.gridgisMark;
}

window.gridgisLegend = { bar: bar, classes: classes, mark: mark };
})();

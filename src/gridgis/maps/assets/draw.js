/* The layer of cells: reads its block of data, draws it, shows a tooltip. Text goes in by textContent only. */
(function () {
"use strict";
var SVG = "http://www.w3.org/2000/svg";
var LINE = "#5b6470", OUTLINE = "#1f2933", HATCH = "gridgis-hatch";

function make(tag, name, text) {
  var node = document.createElement(tag);
  if (name) { node.className = name; }
  if (text !== undefined) { node.textContent = text; }
  return node;
}

function read(id) { return JSON.parse(document.getElementById(id).textContent); }

/* A ring is stored as whole 1e-7 degrees: the first lon, lat, then the steps. */
function ring(steps) {
  var x = 0, y = 0, points = [];
  for (var i = 0; i < steps.length; i += 2) {
    x += steps[i];
    y += steps[i + 1];
    points.push([y / 1e7, x / 1e7]);
  }
  return points;
}

function rings(polygons) {
  return polygons.map(function (polygon) { return polygon.map(ring); });
}

/* One pattern for the whole page, for cells whose number is hidden. */
function hatch(fill) {
  if (document.getElementById(HATCH)) { return; }
  function add(parent, tag, attributes) {
    var node = document.createElementNS(SVG, tag);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    return parent.appendChild(node);
  }
  var svg = add(document.body, "svg", { width: 0, height: 0, "aria-hidden": "true", "class": "gridgis-defs" });
  var pattern = add(add(svg, "defs", {}), "pattern", {
    id: HATCH, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"
  });
  add(pattern, "rect", { width: 6, height: 6, fill: "#ffffff" });
  add(pattern, "rect", { width: 2.5, height: 6, fill: fill });
}

/* What a reader learns about a cell: its code, its parent, each measure. */
function facts(model, i) {
  var box = make("div", "gridgis-facts");
  box.appendChild(make("strong", "", model.codes[i]));
  var list = box.appendChild(make("dl"));
  function line(name, text) {
    list.appendChild(make("dt", "", name));
    list.appendChild(make("dd", "", text));
  }
  line(model.words.parent, model.parents[model.parentOf[i]]);
  model.fields.forEach(function (name, f) { line(name, model.rows[i][f]); });
  return box;
}

var Layer = L.FeatureGroup.extend({
  initialize: function (id) {
    L.FeatureGroup.prototype.initialize.call(this);
    this.model = read(id);
    this.chosen = -1;
    this._svg = L.svg({ padding: 0.5 });
    this._paths = this._draw();
    this._tip = L.tooltip({ className: "gridgis-tip", opacity: 1, offset: [0, -4], direction: "auto" });
    this.on("mouseover", this._hover, this).on("mousemove", this._move, this);
    this.on("mouseout", this._leave, this).on("click", this._click, this);
  },

  _draw: function () {
    var model = this.model, self = this, shared = { renderer: this._svg, smoothFactor: 0 };
    var paths = model.cells.map(function (cell, i) {
      var look = model.legend.classes[model.classOf[i]];
      if (look.hatched) { hatch(look.fill); }
      var path = L.polygon(rings(cell), L.extend({
        color: LINE, weight: 0.8, opacity: 1, fillOpacity: 1,
        fillColor: look.hatched ? "url(#" + HATCH + ")" : look.fill
      }, shared));
      path.gridgisIndex = i;
      return path.addTo(self);
    });
    model.outlines.forEach(function (outline) {
      L.polygon(rings(outline), L.extend({
        color: OUTLINE, weight: 2.2, opacity: 1, fill: false, interactive: false, lineJoin: "round"
      }, shared)).addTo(self);
    });
    return paths;
  },

  boundsOf: function (i) { return this._paths[i].getBounds(); },

  /* Mark a cell and say so; -1 marks none. */
  choose: function (i) {
    if (this._mark) { this.removeLayer(this._mark); }
    this._mark = null;
    this.chosen = i;
    if (i >= 0) {
      var line = { renderer: this._svg, smoothFactor: 0, fill: false, interactive: false, opacity: 1 };
      var shape = rings(this.model.cells[i]);
      this._mark = L.featureGroup([
        L.polygon(shape, L.extend({ color: "#ffffff", weight: 7 }, line)),
        L.polygon(shape, L.extend({ color: "#000000", weight: 3 }, line))
      ]);
      this.addLayer(this._mark);
    }
    this.fire("gridgis:chosen", { index: i });
    return this;
  },

  goTo: function (i) {
    if (this._map) { this._map.fitBounds(this.boundsOf(i).pad(0.75), { maxZoom: 18, animate: false }); }
    return this.choose(i);
  },

  _index: function (event) {
    var path = event.propagatedFrom || event.layer;
    return path && path.gridgisIndex !== undefined ? path.gridgisIndex : -1;
  },

  _show: function (i, place) {
    if (!this._map) { return; }
    this._tip.setContent(facts(this.model, i)).setLatLng(place);
    this._map.openTooltip(this._tip);
  },

  _hover: function (event) {
    var i = this._index(event);
    if (i >= 0) { this._show(i, event.latlng); }
  },

  _move: function (event) { this._tip.setLatLng(event.latlng); },

  _leave: function () { if (this._map) { this._map.closeTooltip(this._tip); } },

  _click: function (event) {
    var i = this._index(event);
    if (i < 0) { return; }
    this._show(i, event.latlng);
    this.choose(i);
  },

  onRemove: function (map) {
    map.closeTooltip(this._tip);
    L.FeatureGroup.prototype.onRemove.call(this, map);
  }
});

window.gridgis = { make: make, read: read, facts: facts, hatchId: HATCH, layer: function (id) { return new Layer(id); } };
})();

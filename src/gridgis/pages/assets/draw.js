/* The layer of cells on canvas tiles, with tooltip, choice and themes. Text goes in by textContent only. */
(function () {
"use strict";
var WORLD = gridgis.WORLD, TILE = 512, BATCH = 64, LINES = 512, BUDGET = 24;
var LOOK = { line: "#5b6470", rim: "#1f2933", paper: "#ffffff" };

function make(tag, name, text) {
  var node = document.createElement(tag);
  if (name) { node.className = name; }
  if (text !== undefined) { node.textContent = text; }
  return node;
}

/* Stripes for hidden cells; their period divides the size of a tile, so they run on from tile to tile. */
function stripes(fill, ratio) {
  var side = 8 * ratio, canvas = make("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = side;
  pen.fillStyle = LOOK.paper;
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = fill;
  pen.lineWidth = 2.8 * ratio;
  pen.beginPath();
  for (var i = -1; i <= 2; i++) {
    pen.moveTo(i * side - side / 2, side * 1.5);
    pen.lineTo(i * side + side * 1.5, -side / 2);
  }
  pen.stroke();
  return pen.createPattern(canvas, "repeat");
}

/* One tile: fills, then what lies on borders. Corners go to half pixels of the device, the same for both neighbours. */
function Tile(layer, canvas, coords) {
  var ratio = layer.ratio, scale = 256 * Math.pow(2, coords.z) * ratio / WORLD;
  this.model = layer.model;
  this.theme = layer.model.themes[layer.theme];
  this.pen = canvas.getContext("2d", { willReadFrequently: true });
  this.ratio = ratio;
  this.twice = 2 * scale;
  this.left = coords.x * TILE * ratio;
  this.top = coords.y * TILE * ratio;
  this.outline = gridgis.level(layer.model, coords.z, ratio);
  var rim = 6 * ratio, span = TILE * ratio;
  this.cells = gridgis.within(layer.model, (this.left - rim) / scale, (this.top - rim) / scale,
    (this.left + span + rim) / scale, (this.top + span + rim) / scale);
  this.side = layer.model.side * scale / ratio;
}

Tile.prototype.draw = function () {
  var pen = this.pen, self = this, side = this.side, fills = this.fills();
  pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
  pen.lineJoin = pen.lineCap = "round";
  var groups = this.grouped(this.cells, function (cell) { return self.theme.classOf[cell]; });
  groups.forEach(function (cells, look) { self.fill(cells, fills[look]); });
  var arcs = this.arcs(), model = this.model;
  if (side < 16) {  /* two soft edges let the paper through where they meet: close the seam */
    this.grouped(arcs, function (arc) { return self.theme.classOf[model.cellOf[arc]]; })
      .forEach(function (some, look) { self.stroke(some, fills[look], 1, 1); });
  }
  var rims = arcs.filter(function (arc) { return model.rim[arc]; });
  if (side >= 4) {
    this.stroke(arcs, LOOK.line, Math.max(0.8 * this.ratio, 1), Math.min((side - 2) / 14, 1));
  }
  var parents = side * Math.sqrt(model.count / model.parents.length);
  if (parents >= 12) { this.stroke(rims, LOOK.rim, (side < 6 ? 1.2 : 2.2) * this.ratio, 1); }
};

Tile.prototype.fills = function () {
  var ratio = this.ratio;
  return this.theme.classes.map(function (look) { return look.hatched ? stripes(look.fill, ratio) : look.fill; });
};

Tile.prototype.grouped = function (items, rule) {
  var groups = [];
  items.forEach(function (item) {
    var place = rule(item);
    (groups[place] || (groups[place] = [])).push(item);
  });
  return groups;
};

/* Arcs of the cells of this tile, each once. */
Tile.prototype.arcs = function () {
  var model = this.model, seen = model.seenArc || (model.seenArc = new Int32Array(model.arcAt.length));
  var round = model.arcRound = (model.arcRound || 0) + 1, found = [];
  function look(arc) {
    if (seen[arc] !== round) {
      seen[arc] = round;
      found.push(arc);
    }
  }
  this.cells.forEach(function (cell) { gridgis.eachArc(model, cell, look); });
  return found;
};

/* Polygons in small batches: one path of thousands takes many times as long. */
Tile.prototype.fill = function (cells, style) {
  var pen = this.pen, model = this.model, x = this.outline.x, y = this.outline.y, at = this.outline.at;
  var twice = this.twice, left = this.left, top = this.top;
  pen.fillStyle = style;
  for (var from = 0; from < cells.length; from += BATCH) {
    pen.beginPath();
    for (var c = from; c < Math.min(from + BATCH, cells.length); c++) {
      for (var r = model.ringAt[cells[c]]; r < model.ringAt[cells[c] + 1]; r++) {
        var begun = false;
        for (var i = model.refAt[r]; i < model.refAt[r + 1]; i++) {
          var arc = model.refs[i] >> 1, back = model.refs[i] & 1;
          var p = back ? at[arc + 1] - 1 : at[arc], end = back ? at[arc] : at[arc + 1] - 1, step = back ? -1 : 1;
          if (!begun) { pen.moveTo(Math.round(x[p] * twice) / 2 - left, Math.round(y[p] * twice) / 2 - top); }
          begun = true;
          while (p !== end) {
            p += step;
            pen.lineTo(Math.round(x[p] * twice) / 2 - left, Math.round(y[p] * twice) / 2 - top);
          }
        }
      }
    }
    pen.fill();
  }
};

Tile.prototype.stroke = function (arcs, style, width, alpha) {
  var pen = this.pen, x = this.outline.x, y = this.outline.y, at = this.outline.at;
  var twice = this.twice, left = this.left, top = this.top;
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.globalAlpha = alpha;
  for (var from = 0; from < arcs.length; from += LINES) {
    pen.beginPath();
    for (var i = from; i < Math.min(from + LINES, arcs.length); i++) {
      var p = at[arcs[i]], end = at[arcs[i] + 1];
      pen.moveTo(Math.round(x[p] * twice) / 2 - left, Math.round(y[p] * twice) / 2 - top);
      for (p++; p < end; p++) {
        pen.lineTo(Math.round(x[p] * twice) / 2 - left, Math.round(y[p] * twice) / 2 - top);
      }
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
};

/* A number as it is written: whole numbers of the last decimal, thousands parted by commas. */
function written(value, decimals) {
  if (typeof value === "string") { return value; }
  var digits = String(Math.abs(value));
  while (digits.length <= decimals) { digits = "0" + digits; }
  var whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  return (value < 0 ? "-" : "") + whole + (decimals ? "." + digits.slice(digits.length - decimals) : "");
}

var Layer = L.GridLayer.extend({
  options: { tileSize: TILE, zIndex: 10, noWrap: true, keepBuffer: 1, updateWhenIdle: false, updateWhenZooming: false,
    className: "gridgis-tiles" },

  initialize: function (id) {
    L.GridLayer.prototype.initialize.call(this);
    this.model = gridgis.place(gridgis.unpack(JSON.parse(document.getElementById(id).textContent)));
    this.lang = this.model.lang;
    this.theme = 0;
    this.chosen = -1;
    this.ratio = Math.min(window.devicePixelRatio || 1, 3);
    this.options.bounds = this.getBounds().pad(0.02);
    this._waiting = [];
    this._tip = L.tooltip({ className: "gridgis-tip", opacity: 1, offset: [0, -4], direction: "auto" });
    this._mark = L.featureGroup();
  },

  getBounds: function () {
    var b = this.model.bounds;
    return L.latLngBounds([b[1], b[0]], [b[3], b[2]]);
  },

  _place: function (x, y) {
    var turn = Math.PI - 2 * Math.PI * y / WORLD;
    return L.latLng(Math.atan(0.5 * (Math.exp(turn) - Math.exp(-turn))) * 180 / Math.PI, x / WORLD * 360 - 180);
  },

  boundsOf: function (i) {
    var box = this.model.box;
    return L.latLngBounds(this._place(box[4 * i], box[4 * i + 1]), this._place(box[4 * i + 2], box[4 * i + 3]));
  },

  texts: function () { return this.model.texts[this.lang]; },

  /* What a measure says about a cell. */
  textOf: function (measure, i) {
    var from = this.model.measures[measure], words = this.texts().words;
    return from.mark[i] ? (from.mark[i] === 1 ? words.hidden : words.no_data) : written(from.value[i], from.decimals);
  },

  parentText: function (i) { return this.model.parents[this.model.parentOf[i]]; },

  /* What a reader learns about a cell: its code, its parent, each measure. */
  facts: function (i, only) {
    var box = make("div", "gridgis-facts"), self = this;
    box.appendChild(make("strong", "", this.model.codes[i]));
    var list = box.appendChild(make("dl"));
    function line(name, text) {
      list.appendChild(make("dt", "", name));
      list.appendChild(make("dd", "", text));
    }
    line(this.texts().words.parent, this.parentText(i));
    this.texts().measures.forEach(function (measure, f) {
      if (only === undefined || only === f) { line(measure[0], self.textOf(f, i)); }
    });
    return box;
  },

  createTile: function (coords, done) {
    var canvas = make("canvas"), self = this, side = TILE * this.ratio;
    canvas.width = canvas.height = side;
    canvas.gridgisCoords = coords;
    function draw() {
      if (!canvas.gridgisGone) { new Tile(self, canvas, coords).draw(); }
    }
    this._later(function () {
      draw();
      done(null, canvas);
    });
    return canvas;
  },

  /* Work in pieces, so that the page answers in between. */
  _later: function (act) {
    this._waiting.push(act);
    if (!this._running) { this._running = window.setTimeout(this._run.bind(this), 0); }
  },

  _run: function () {
    var end = Date.now() + BUDGET;
    this._running = 0;
    while (this._waiting.length && Date.now() < end) { this._waiting.shift()(); }
    if (this._waiting.length) { this._running = window.setTimeout(this._run.bind(this), 0); }
  },

  /* Draw all that waits, now. */
  flush: function () {
    while (this._waiting.length) { this._waiting.shift()(); }
    return this;
  },

  /* Draw all tiles anew, in place. */
  repaint: function () {
    var self = this;
    Object.keys(this._tiles || {}).forEach(function (key) {
      var canvas = self._tiles[key].el;
      function draw() {
        if (!canvas.gridgisGone) { new Tile(self, canvas, canvas.gridgisCoords).draw(); }
      }
      self._later(draw);
    });
    return this;
  },

  setTheme: function (theme) {
    this.theme = theme;
    this._shown = -1;
    this.repaint();
    return this.fire("gridgis:theme", { theme: theme });
  },

  setLang: function (lang) {
    this.lang = lang;
    this._leave();
    return this.fire("gridgis:lang", { lang: lang });
  },

  /* Tiles of just this zoom, also between whole zooms: stretched tiles would be blurred, with seams between them. */
  _setView: function (center, zoom, noPrune, noUpdate) {
    if (!noUpdate) {
      this._tileZoom = zoom;
      this._updateLevels();
      this._resetGrid();
      this._update(center);
      if (!noPrune) { this._pruneTiles(); }
      this._noPrune = Boolean(noPrune);
    }
    this._setZoomTransforms(center, zoom);
  },

  /* What is drawn stays until what comes is drawn. */
  _pruneTiles: function () {
    if (this._map && this._noTilesToLoad()) { L.GridLayer.prototype._pruneTiles.call(this); }
  },

  onAdd: function (map) {
    (map.gridgisLayers || (map.gridgisLayers = [])).push(this);
    L.GridLayer.prototype.onAdd.call(this, map);
    this.on("tileunload", this._gone, this);
    map.on("mousemove", this._hover, this).on("click", this._click, this).on("mouseout zoomstart", this._leave, this);
    L.DomEvent.on(map.getContainer(), "keydown", this._key, this);
    this._mark.addTo(map);
  },

  onRemove: function (map) {
    map.gridgisLayers.splice(map.gridgisLayers.indexOf(this), 1);
    map.off("mousemove", this._hover, this).off("click", this._click, this).off("mouseout zoomstart", this._leave, this);
    L.DomEvent.off(map.getContainer(), "keydown", this._key, this);
    this._mark.remove();
    map.closeTooltip(this._tip);
    this._waiting = [];
    L.GridLayer.prototype.onRemove.call(this, map);
  },

  _gone: function (event) { event.tile.gridgisGone = true; },

  /* The cell at a place, for the layer on top; -1 for none. */
  at: function (latlng) {
    var point = L.CRS.EPSG3857.latLngToPoint(latlng, 0);
    return gridgis.hit(this.model, point.x / 256 * WORLD, point.y / 256 * WORLD);
  },

  _pointed: function (event) {
    var target = event.originalEvent && event.originalEvent.target;
    if (target && target.closest && target.closest(".leaflet-interactive, .leaflet-control, .leaflet-popup")) { return -1; }
    var layers = this._map.gridgisLayers;
    for (var i = layers.length - 1; layers[i] !== this; i--) {
      if (layers[i].at(event.latlng) >= 0) { return -1; }
    }
    return this.at(event.latlng);
  },

  _show: function (i, place) {
    var map = this._map, tip = this._tip, other = this._shown !== i;
    if (!map) { return; }
    if (other) { tip.setContent(this.facts(i)); }
    this._shown = i;
    tip.setLatLng(place);
    if (!map.hasLayer(tip)) { map.openTooltip(tip); }
    if (other && tip.getElement().offsetHeight > map.getSize().y - 12) {  /* little room: only what is coloured */
      tip.setContent(this.facts(i, this.model.themes[this.theme].measure));
    }
    this._fit(place);
  },

  /* Beside the place if there is room, else above or below it; always within the map. */
  _fit: function (place) {
    var map = this._map, tip = this._tip, size = map.getSize(), at = map.latLngToContainerPoint(place);
    var node = tip.getElement(), wide = node.offsetWidth, tall = node.offsetHeight;
    var room = Math.max(at.x, size.x - at.x) > wide + 24, above = at.y > size.y / 2, y = at.y;
    tip.options.direction = room ? "auto" : above ? "top" : "bottom";
    if (!room) { at.x = Math.max(Math.min(at.x, size.x - wide / 2 - 6), wide / 2 + 6); }
    var over = room ? tall / 2 + 10 : above ? tall + 16 : 0, under = room ? tall / 2 + 4 : above ? 0 : tall + 12;
    at.y = Math.max(Math.min(y, size.y - under), over);
    node.classList.toggle("gridgis-moved", Math.abs(at.y - y) > 1);
    tip.setLatLng(room && at.y === y ? place : map.containerPointToLatLng(at));
  },

  _hover: function (event) {
    var i = this._pointed(event);
    if (i >= 0) { this._show(i, event.latlng); } else { this._leave(); }
  },

  _leave: function () {
    this._shown = -1;
    if (this._map) { this._map.closeTooltip(this._tip); }
  },

  _click: function (event) {
    var i = this._pointed(event);
    if (i < 0) {
      this._leave();
      return;
    }
    this._show(i, event.latlng);
    this.choose(i);
    this.fire("click", { latlng: event.latlng, originalEvent: event.originalEvent, index: i }, true);
  },

  _key: function (event) {
    if (event.key !== "Enter" || event.target !== this._map.getContainer()) { return; }
    var i = this._pointed({ latlng: this._map.getCenter() });
    if (i >= 0) {
      this._show(i, this._map.getCenter());
      this.choose(i);
    }
  },

  _outline: function (i) {
    var rings = [], self = this, model = this.model;
    gridgis.eachArc(model, i, function (arc, back) {
      var ring = rings[rings.length - 1], first = model.arcAt[arc], last = model.arcAt[arc + 1] - 1;
      for (var p = back ? last : first; p !== (back ? first : last); p += back ? -1 : 1) {
        ring.push(self._place(model.x[p], model.y[p]));
      }
    }, function () { rings.push([]); });
    return rings;
  },

  /* Mark a cell and say so; -1 marks none. */
  choose: function (i) {
    this._mark.clearLayers();
    this.chosen = i;
    if (i >= 0) {
      var line = { smoothFactor: 0, fill: false, interactive: false, opacity: 1 };
      this._svg = this._svg || L.svg({ padding: 0.5 });
      [["#ffffff", 7, "gridgis-halo"], ["#000000", 3, "gridgis-mark"]].forEach(function (look) {
        var style = { renderer: this._svg, color: look[0], weight: look[1], className: look[2] };
        this._mark.addLayer(L.polygon(this._outline(i), L.extend(style, line)));
      }, this);
    }
    return this.fire("gridgis:chosen", { index: i });
  },

  goTo: function (i) {
    this._leave();
    if (this._map) { this._map.fitBounds(this.boundsOf(i).pad(0.75), { maxZoom: 18, animate: false }); }
    return this.choose(i);
  }
});

/* Kept when the first layer has drawn what can be seen. */
gridgis.drawn = new Promise(function (keep) {
  Layer.addInitHook(function () { this.once("load", keep); });
});
gridgis.make = make;
gridgis.look = LOOK;
gridgis.layer = function (id) { return new Layer(id); };
})();
